"""Why a smaller model is likely not faster, as far as that follows from what was measured and read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.bench.statistics import verdict
from engine.compare.format import format_bytes, format_percent
from engine.compare.graph import FILE, GraphReport, read
from engine.compare.table import Speedup
from engine.protocol.errors import UserError

# Smaller by this factor counts as smaller; an interval that ends below this gain leaves no gain to speak of.
SMALLER, NO_GAIN = 0.9, 1.25
# On disk or in the rate of reading, less than this share of the other is a plain difference.
_PLAINLY = 0.75
_WEIGHTS = ("*.safetensors", "*.gguf", "*.onnx", "*.onnx.data", "*.onnx_data", "*.bin", "*.pt2")
_UNPACKING = "DequantizeLinear"


@dataclass(frozen=True)
class Known:
    """What is known of a candidate.

    Attributes:
        read_bytes: of weights for one token.
        disk_bytes: of its files of weights; 0 where none was found.
        tokens_per_second: measured; 0 where not.
        graph: what a compiler made of it, if it tells.
    """

    read_bytes: int
    disk_bytes: int = 0
    tokens_per_second: float = 0.0
    graph: GraphReport | None = None


def known_of(folder: Path, read_bytes: int, tokens_per_second: float) -> Known:
    """What the model in `folder` (checkpoint or artefact) tells."""
    files = {file for pattern in _WEIGHTS for file in folder.glob(pattern)}
    graph = None
    if (folder / FILE).is_file():
        try:
            graph = read(folder)
        except UserError:  # an unreadable report is no fact
            graph = None
    return Known(read_bytes, sum(file.stat().st_size for file in files), tokens_per_second, graph)


def likely_reason(reference: Known, candidate: Known, ratio: Speedup, cache_bytes: int | None) -> str:
    """One clause that says why the smaller `candidate` is likely not faster, or "" where nothing is known.

    Nothing is said where it may well be faster and only the measurement is not sharp enough.
    """
    if verdict(ratio) == "faster" or ratio.high >= NO_GAIN:
        return ""
    smaller_files = 0 < candidate.disk_bytes < SMALLER * reference.disk_bytes
    if smaller_files and candidate.disk_bytes < _PLAINLY * candidate.read_bytes:
        return (
            "likely because its runtime has no kernel for this format: "
            f"{format_bytes(candidate.disk_bytes)} on disk become {format_bytes(candidate.read_bytes)} to compute with"
        )
    if not 0 < candidate.read_bytes < SMALLER * reference.read_bytes:
        return ""
    left = next((o.after for o in candidate.graph.operators if o.operator == _UNPACKING), 0) if candidate.graph else 0
    if left:
        return (
            f"likely because weights are unpacked before they are multiplied: {left} {_UNPACKING} nodes are left in "
            "the compiled graph"
        )
    if cache_bytes is not None and reference.read_bytes <= cache_bytes:
        return (
            f"likely because the original's weights ({format_bytes(reference.read_bytes)}) fit in the processor's "
            f"cache ({format_bytes(cache_bytes)}) already, so that reading fewer saves little"
        )
    before = reference.read_bytes * reference.tokens_per_second
    after = candidate.read_bytes * candidate.tokens_per_second
    if 0 < after < _PLAINLY * before:
        rate = (
            f"its weights are read at {format_percent(after / before)} of the original's rate ({format_bytes(after)}/s)"
        )
        if candidate.graph and any("int" in kind for kind in candidate.graph.precisions):
            return f"likely because unpacking small numbers takes the time that reading them saves: {rate}"
        return f"likely because something else than reading the weights takes the time: {rate}"
    return ""
