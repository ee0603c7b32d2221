"""Integer grids as ggml's blocks of 32 weights (ggml-common.h), bit for bit, and floats as ggml stores them.

A block is a scale in float16 and 32 integers: Q8_0 holds int8; Q4_0 holds `value + 8` in nibbles; Q4_1 holds the same
nibbles and a minimum in float16, `scale · nibble + minimum`. Weights j and j + 16 share byte j.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.gguf.kinds import BLOCK, Kind
from engine.grid.grid import Grid

Bytes = npt.NDArray[np.uint8]
_HALF = 2  # bytes of a float16
_SMALLEST, _LARGEST = float(np.finfo(np.float16).tiny), float(np.finfo(np.float16).max)


def scales_fit(scale: Tensor) -> bool:
    """Whether float16 rounds no scale by more than 2⁻¹¹ of the largest.

    Small ones among them, down to the zero that groups of zeros need, may lose bits that do not count.
    """
    return _SMALLEST <= float(scale.max()) <= _LARGEST


def blocks_of(grid: Grid, kind: Kind) -> Bytes:
    """`grid` [O, I] as rows of blocks, uint8 [O, I/32 · bytes a block]; scales repeated where a group spans several.

    Only scales and minimums are rounded, to float16; the integers are the grid's own.
    """
    rows, columns = grid.values.shape
    count = columns // BLOCK
    values = grid.values.numpy().astype(np.int16).reshape(rows, count, BLOCK)
    scale = _spread(grid.scale, count)
    zero = None if grid.zero is None else _spread(grid.zero, count)
    if kind == "Q8_0":
        whole = values if zero is None else values - zero.astype(np.int16)[..., None]
        return _joined(_half(scale), whole.astype(np.int8).view(np.uint8))
    middle = 8
    nibbles = (values + middle).astype(np.uint8)
    packed: Bytes = nibbles[..., : BLOCK // 2] | (nibbles[..., BLOCK // 2 :] << np.uint8(4))
    if kind == "Q4_0":
        return _joined(_half(scale), packed)
    if grid.minimum is not None:
        # Integers of fewer bits lie in the middle of the sixteen.
        low = middle - (1 << (grid.bits - 1))
        minimum = _spread(grid.minimum, count) - scale.astype(np.float16).astype(np.float32) * low
        return _joined(_half(scale), _half(minimum), packed)
    assert zero is not None
    # From the rounded scale: what counts is the sum that llama.cpp computes.
    minimum = -scale.astype(np.float16).astype(np.float32) * (zero.astype(np.float32) + middle)
    return _joined(_half(scale), _half(minimum), packed)


def float_bytes(tensor: Tensor) -> npt.NDArray[Any]:
    """A float tensor as its own numbers: float32, float16, or bfloat16 as rows of bytes."""
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.uint8).numpy()
    array: npt.NDArray[Any] = tensor.contiguous().numpy()
    return array


def _spread(numbers: Tensor, count: int) -> npt.NDArray[np.float32]:
    """[O, G] in float32 repeated to [O, count]."""
    array = numbers.float().numpy()
    return np.repeat(array, count // array.shape[1], axis=1)


def _half(numbers: npt.NDArray[np.float32]) -> Bytes:
    """[O, C] as the bytes of float16, [O, C, 2]."""
    return numbers.astype("<f2").view(np.uint8).reshape(*numbers.shape, _HALF)


def _joined(*parts: Bytes) -> Bytes:
    blocks = np.concatenate(parts, axis=-1)
    return np.ascontiguousarray(blocks.reshape(len(blocks), -1))
