"""Dense bit packing of small integers into int32 words, as compressed-tensors' pack-quantized format does."""

from __future__ import annotations

import torch
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32, unpack_from_int32
from torch import Tensor


def pack(values: Tensor, bits: int, *, along_rows: bool = False) -> Tensor:
    """Pack int8 `values` [R, C] of `bits` 2–8 into int32 [R, ceil(C·bits/32)], or [ceil(R·bits/32), C] along rows."""
    packed: Tensor = pack_to_int32(values, bits, packed_dim=0 if along_rows else 1)
    return packed


def unpack(packed: Tensor, bits: int, shape: tuple[int, int], *, along_rows: bool = False) -> Tensor:
    """The int8 values of `shape` [R, C] in int32 `packed`; the inverse of `pack`."""
    values: Tensor = unpack_from_int32(packed, bits, torch.Size(shape), packed_dim=0 if along_rows else 1)
    return values.contiguous()


def packed_width(columns: int, bits: int) -> int:
    """int32 words that `columns` values of `bits` take."""
    return -(-columns * bits // 32)
