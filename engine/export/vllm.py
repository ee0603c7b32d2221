"""What vLLM loads of a packed checkpoint, from headers alone, and what its reader must be told besides.

Its rules are in vllm/model_executor/layers/quantization/compressed_tensors (compressed_tensors.py: every linear layer
is a target or ignored, what it fuses shares one scheme; schemes/compressed_tensors_wNa16.py: bits and zero points) and
in vllm/model_executor/kernels/linear/mixed_precision/marlin.py (group sizes, widths), read in November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from engine.checkpoint.headers import INDEX, SINGLE
from engine.checkpoint.info import CheckpointInfo, GridScheme
from engine.grid.scheme import SIDE_FILE, packed_grids
from engine.passes.targets import linears, module_of

GROUPS = (32, 64, 128, None)
INPUTS, OUTPUTS = 128, 64  # what a layer's widths are multiples of
# layers that vLLM computes as one
_FUSED = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


def refusal(info: CheckpointInfo) -> str:
    """Why vLLM does not load the packed weights of layout `info`, as half a sentence; empty where it does."""
    schemes = packed_grids(info.config, (tensor.name for tensor in info.tensors))
    for scheme in schemes:
        if scheme.bits not in (4, 8) or (scheme.bits == 8 and not scheme.symmetric):
            kind = "" if scheme.symmetric else "asymmetric "
            return f"it has no kernel for {kind}{scheme.bits}-bit weights"
        if scheme.group_size not in GROUPS:
            return f"its groups are 32, 64 or 128 weights or whole rows, not {scheme.group_size}"
    of = {module: index for index, scheme in enumerate(schemes) for module in scheme.modules}
    shapes = _shapes(info, schemes)
    for module, (rows, columns) in shapes.items():
        stem, _, leaf = module.rpartition(".")
        parts = [f"{stem}.{part}" for part in next((group for group in _FUSED if leaf in group), (leaf,))]
        if len({of.get(part) for part in parts}) > 1:
            return f"it computes {', '.join(part.rpartition('.')[2] for part in parts)} as one, on one kind of grid"
        rows = sum(shapes[part][0] for part in parts)
        if columns % INPUTS or rows % OUTPUTS:
            return f"its kernels need widths of multiples of {INPUTS} in and {OUTPUTS} out, which {module} has not"
    return ""


def tell_readers(folder: Path, info: CheckpointInfo) -> None:
    """Make the packed checkpoint in `folder`, of layout `info`, complete for readers other than Hasten.

    Linear layers that stay plain are named as ignored, for vLLM refuses those that it finds nowhere; and Hasten's own
    side file is left out of an index of the weights, for vLLM would load every safetensors file there is.
    """
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    stored = config.get("quantization_config")
    if stored:
        plain = [module_of(tensor) for tensor in linears(info)]
        stored["ignore"] = sorted({*(stored.get("ignore") or ()), *plain})
        path.unlink()  # it may be the run's own file under a second name
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if (folder / SIDE_FILE).is_file() and not (folder / INDEX).is_file():
        names = sorted(tensor.name for tensor in info.tensors)
        document = {"metadata": {"total_size": info.bytes}, "weight_map": dict.fromkeys(names, SINGLE)}
        (folder / INDEX).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _shapes(info: CheckpointInfo, schemes: Iterable[GridScheme]) -> dict[str, tuple[int, int]]:
    """Rows and columns of every packed module."""
    headers = {tensor.name: tensor.shape for tensor in info.tensors}
    found = {}
    for scheme in schemes:
        for module in scheme.modules:
            rows, words = headers[f"{module}.weight_packed"]
            found[module] = (rows, words * 32 // scheme.bits)
    return found
