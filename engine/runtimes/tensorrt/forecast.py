"""How many bytes of weights the engines will be given, from headers alone."""

from __future__ import annotations

from typing import Any

from engine.checkpoint.info import BESIDE_INTEGERS, DTYPE_BITS, CheckpointInfo, GridScheme, TensorHeader
from engine.runtimes.tensorrt.limits import block_size

BITS = {"bfloat16": 16, "float16": 16, "float32": 32}
_HEADS = ("lm_head", "embed_out")  # files have no such weight where the head is the embedding


def weight_bytes(info: CheckpointInfo, options: Any) -> int:
    """Bytes of the weights in the graphs: integers with scales in the number format, everything else in it.

    Embeddings are floats even where the head, which shares their weights, is integers. Both graphs of an
    encoder-decoder embed words.
    """
    grids = {module: grid for grid in info.grids for module in grid.modules}
    scales = {tensor.name: tensor.dtype for tensor in info.tensors if tensor.name.endswith(".weight_scale")}
    own_head = any(_is_head(tensor.name.rpartition(".")[0]) for tensor in info.tensors)
    total = _made_positions(info) * (BITS.get(options.precision) or 32) // 8
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        grid = grids.get(module)
        if grid is not None and leaf in BESIDE_INTEGERS:
            continue
        if grid is not None and leaf == "weight_packed":
            count = tensor.elements * 32 // grid.bits
            dtype = scales.get(f"{module}.weight_scale", "F32")
            total += _integers(grid, tensor.shape[0], count, _bits(info, options, module, dtype))
            continue
        bits = _bits(info, options, module, tensor.dtype)
        on_grid = grid if leaf == "weight" else None  # plain numbers on a grid: an embedding or a head
        if on_grid is not None and (_is_head(module) or not own_head):
            total += _integers(on_grid, tensor.shape[0], tensor.elements, bits)
        if on_grid is None or not _is_head(module):
            total += tensor.elements * bits // 8 * _copies(info, tensor)
    return total


def _is_head(module: str) -> bool:
    return module.rpartition(".")[2] in _HEADS


def _integers(grid: GridScheme, rows: int, count: int, bits: int) -> int:
    """Bytes of `count` weights in `rows` on `grid`, with scales of `bits`; floats of `bits` where it cannot be held."""
    columns = count // rows
    block = block_size(grid.bits, grid.group_size, columns)
    if block is None:
        return count * bits // 8
    return count * (4 if block < columns else 8) // 8 + count // block * bits // 8


def _bits(info: CheckpointInfo, options: Any, module: str, dtype: str) -> int:
    """Bits of a number of `module`, which is stored as `dtype`."""
    bits = BITS.get(options.precision) or DTYPE_BITS[dtype]
    half = options.precision == "float16" or (options.precision == "automatic" and dtype == "F16")
    # Transformers keeps this part of a T5 in float32 where float16 would overflow
    return 32 if half and info.model_type in ("t5", "mt5") and module.endswith(".wo") else bits


def _copies(info: CheckpointInfo, tensor: TensorHeader) -> int:
    return 2 if info.task == "text2text-generation" and tensor.name.split(".")[-2:] == ["shared", "weight"] else 1


def _made_positions(info: CheckpointInfo) -> int:
    """Numbers in the tables of positions that a Marian model makes itself, one for each half."""
    if info.model_type != "marian" or any("embed_positions" in tensor.name for tensor in info.tensors):
        return 0
    return 2 * int(info.config.get("max_position_embeddings") or 0) * info.hidden_size
