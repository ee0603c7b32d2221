"""Dense bit packing of small integers into int32 words, as compressed-tensors' pack-quantized format does.

Value i of a row, made unsigned by adding 2^(bits−1), lies at bits i·bits … (i+1)·bits − 1 of the row's stream, lowest
bit first; words are little-endian, and a value may lie in two of them.
"""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor
from torch.nn.functional import pad


def pack(values: Tensor, bits: int, *, along_rows: bool = False) -> Tensor:
    """Pack int8 `values` [R, C] of `bits` 2–8 into int32 [R, ceil(C·bits/32)], or [ceil(R·bits/32), C] along rows."""
    if along_rows:
        return pack(values.T, bits).T.contiguous()
    rows, columns = values.shape
    count, words = _period(bits)
    unsigned = pad(values.to(torch.int32) + (1 << (bits - 1)), (0, -columns % count)).reshape(rows, -1, count)
    packed = torch.zeros(*unsigned.shape[:2], words, dtype=torch.int32, device=values.device)
    for index in range(count):
        word, shift = divmod(index * bits, 32)
        packed[..., word] |= unsigned[..., index] << shift
        if shift + bits > 32:
            packed[..., word + 1] |= unsigned[..., index] >> (32 - shift)
    return packed.reshape(rows, -1)[:, : packed_width(columns, bits)].contiguous()


def unpack(packed: Tensor, bits: int, shape: tuple[int, int], *, along_rows: bool = False) -> Tensor:
    """The int8 values of `shape` [R, C] in int32 `packed`; the inverse of `pack`."""
    if along_rows:
        return unpack(packed.T, bits, (shape[1], shape[0])).T.contiguous()
    rows, columns = shape
    if sys.byteorder == "little" and bits in (4, 8):  # a value lies in one byte: no copy is wider than it
        stored = packed.contiguous().view(torch.uint8)
        unsigned = stored if bits == 8 else torch.stack((stored & 15, stored >> 4), dim=-1).reshape(rows, -1)
        return (unsigned[:, :columns] - (1 << (bits - 1))).view(torch.int8)
    count, words = _period(bits)
    stream = pad(packed, (0, -packed.shape[1] % words)).reshape(rows, -1, words)
    values = torch.empty(*stream.shape[:2], count, dtype=torch.int8, device=packed.device)
    for index in range(count):
        word, shift = divmod(index * bits, 32)
        value = stream[..., word] >> shift  # copies of the sign bit come in from above: the mask removes them
        if shift + bits > 32:
            value = (value & ((1 << (32 - shift)) - 1)) | (stream[..., word + 1] << (32 - shift))
        values[..., index] = (value & ((1 << bits) - 1)) - (1 << (bits - 1))
    return values.reshape(rows, -1)[:, :columns].contiguous()


def packed_width(columns: int, bits: int) -> int:
    """int32 words that `columns` values of `bits` take."""
    return -(-columns * bits // 32)


def _period(bits: int) -> tuple[int, int]:
    """Values, and the words that they fill, after which the pattern of bits begins again."""
    whole = math.lcm(bits, 32)
    return whole // bits, whole // 32
