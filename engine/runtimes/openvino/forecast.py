"""How many bytes of weights a graph will hold, from headers alone."""

from __future__ import annotations

from typing import Any

from engine.checkpoint.info import BESIDE_INTEGERS, CheckpointInfo
from engine.runtimes.original import asking_bytes

_HALF = ("BF16", "F16")


def weight_bytes(info: CheckpointInfo, options: Any) -> int:
    """Bytes of the weights after lowering `info`: packed integers with float32 scales, 16-bit matrices as they are,
    everything else float32."""
    grids = {module: grid for grid in info.grids for module in grid.modules}
    total = 0
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        grid = grids.get(module)
        if grid is not None and leaf in BESIDE_INTEGERS:
            continue
        if grid is None or leaf not in ("weight", "weight_packed"):
            half = tensor.dtype in _HALF and leaf == "weight" and len(tensor.shape) == 2
            total += tensor.elements * (2 if half else 4)
            continue
        count = tensor.elements * 32 // grid.bits if leaf == "weight_packed" else tensor.elements
        bits = 4 if grid.bits <= 4 else 8
        groups = count // grid.group_size if grid.group_size else tensor.shape[0]
        total += count * bits // 8 + groups * 4
        if not grid.symmetric:
            total += groups * (32 if grid.float_offset else bits) // 8
    return total


def artefact_bytes(info: CheckpointInfo, options: Any) -> int:
    """Bytes on disk: the weights, the graph that reads them, tokenizers; about 72 KiB a layer, 72 bytes a token."""
    return weight_bytes(info, options) + (72 << 10) * info.layers + 72 * info.vocab_size


def peak_bytes(info: CheckpointInfo, options: Any) -> int:
    """Bytes that building takes: the graph's weights, which the session that checks it maps and keeps a rearranged copy
    of, in float32 where they are floats, and what asking the original takes."""
    return asking_bytes(info) + weight_bytes(info, options) + max(weight_bytes(info, options), _floats(info))


def _floats(info: CheckpointInfo) -> int:
    """Bytes of the weights in float32 of a model none of which are integers; 0 for another."""
    return 0 if info.grids else 4 * info.parameters
