"""How many bytes of weights a graph will hold, from headers alone."""

from __future__ import annotations

from typing import Any

from engine.checkpoint.info import BESIDE_INTEGERS, CheckpointInfo
from engine.runtimes.onnx_runtime.limits import CACHE_TOKENS, is_exported
from engine.runtimes.original import asking_bytes


def weight_bytes(info: CheckpointInfo, options: Any) -> int:
    """Bytes of the weights after lowering `info`: packed integers with float32 scales, everything else float32.

    The scales of a key-value cache in 8 bits are counted where it is asked for; they weigh next to nothing.
    """
    grids = {module: grid for grid in info.grids for module in grid.modules}
    total = 4 * _cache_channels(info) if options.kv_cache == "8-bit" else 0
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        grid = grids.get(module)
        if grid is not None and leaf in BESIDE_INTEGERS:
            continue
        if grid is None or leaf not in ("weight", "weight_packed"):
            total += tensor.elements * 4
            continue
        count = tensor.elements * 32 // grid.bits if leaf == "weight_packed" else tensor.elements
        groups = count // grid.group_size if grid.group_size else tensor.shape[0]
        total += count * grid.bits // 8 + groups * 4
        if not grid.symmetric:
            total += groups * grid.bits // 8
    return total


def peak_bytes(info: CheckpointInfo, options: Any) -> int:
    """Bytes that building takes: the graph's weights, which the session that checks it maps and keeps a rearranged copy
    of, the keys and values that it is asked for, and what asking the original takes: all of it for the exporter."""
    cache = 0 if options.kv_cache == "float" else 4 * CACHE_TOKENS * _cache_channels(info)
    original = 4 * info.parameters if is_exported(info) else 0
    return original + asking_bytes(info) + 2 * weight_bytes(info, options) + cache


def _cache_channels(info: CheckpointInfo) -> int:
    """Numbers that a decoder keeps for each token, in all layers."""
    config = info.config
    heads = config.get("num_attention_heads") or 1
    width = config.get("head_dim") or info.hidden_size // heads
    return 2 * info.layers * int(config.get("num_key_value_heads") or heads) * int(width)
