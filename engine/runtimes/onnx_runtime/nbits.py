"""Integer grids in the layout of ONNX Runtime's MatMulNBits and GatherBlockQuantized.

Shape letters: N output rows, K input columns, g columns a block, C = ceil(K/g) blocks a row.
The kernels read weights as unsigned `values + 2^(bits−1)`, the low nibble first, and blocks of 16, 32, 64, 128 or 256
columns. Every conversion here keeps each weight exactly: narrower grids are widened to 4 or 8 bits, and scales of
larger groups are repeated for each of the blocks that a group is cut into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.grid.grid import Grid
from engine.runtimes.onnx_runtime.limits import block_size_for

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Blocks:
    """One weight as MatMulNBits reads it.

    Attributes:
        data: uint8 [N, C, g·bits/8].
        scales: float32 or float16 [N, C].
        zeros: uint8 [N, ceil(C·bits/8)], or None where every block's zero is 2^(bits−1).
        columns: K; the last block is padded where g does not divide it.
    """

    data: Bytes
    scales: npt.NDArray[np.floating[Any]]
    zeros: Bytes | None
    bits: int
    block: int
    columns: int

    @property
    def rows(self) -> int:
        """N."""
        return int(self.data.shape[0])

    @property
    def padded(self) -> bool:
        """Rows end in columns that are not the weight's."""
        return int(self.data.shape[1]) * self.block != self.columns


def blocks_of(grids: Sequence[Grid], *, half: bool = False) -> Blocks:
    """`grids` of equal K as one weight, their rows one under the other; exact even where bits or groups differ.

    `half` gives the scales in float16, for graphs that compute in it. Raises ValueError for groups that fit no block.
    """
    columns = int(grids[0].values.shape[1])
    bits = 4 if all(grid.bits <= 4 for grid in grids) else 8
    sizes = [block_size_for(grid.group_size, columns) for grid in grids]
    if None in sizes:
        raise ValueError(f"groups of {[grid.group_size for grid in grids]} cannot be cut into blocks")
    block = min(size for size in sizes if size is not None)
    middle = 1 << (bits - 1)
    values = np.concatenate([grid.values.numpy() for grid in grids]).view(np.uint8)
    values += np.uint8(middle)  # bytes run over, and so come out right
    count = -(-columns // block)
    if count * block > columns:
        values = np.pad(values, ((0, 0), (0, count * block - columns)), constant_values=middle)
    scales = np.concatenate([_spread(grid.scale.float().numpy(), count) for grid in grids])
    zeros = None
    if any(grid.zero is not None for grid in grids):
        parts = [
            _spread(np.zeros(grid.scale.shape, np.int8) if grid.zero is None else grid.zero.numpy(), count)
            for grid in grids
        ]
        zeros = _pack((np.concatenate(parts).astype(np.int16) + middle).astype(np.uint8), bits)
    data = _pack(values, bits).reshape(len(values), count, block * bits // 8)
    return Blocks(
        data, np.ascontiguousarray(scales, dtype=np.float16 if half else np.float32), zeros, bits, block, columns
    )


def halves(blocks: Blocks) -> tuple[Blocks, Blocks]:
    """8-bit `blocks` as two 4-bit weights whose products add up to theirs, exactly: sixteens and ones.

    ONNX Runtime has a quick kernel for 4-bit weights and float activations, and none for 8-bit ones.
    """
    count = blocks.data.shape[1]
    zeros = np.full((blocks.rows, count), 128, np.uint8) if blocks.zeros is None else blocks.zeros
    values = blocks.data.reshape(blocks.rows, -1)
    shape = (blocks.rows, count, blocks.block // 2)

    def half(part: Bytes, scales: npt.NDArray[np.floating[Any]], zero: Bytes) -> Blocks:
        return Blocks(_pack(part, 4).reshape(shape), scales, _pack(zero, 4), 4, blocks.block, blocks.columns)

    sixteens = half(_high(values), blocks.scales * blocks.scales.dtype.type(16), _high(zeros))
    return sixteens, half(_low(values), blocks.scales, _low(zeros))


def _high(values: Bytes) -> Bytes:
    return np.asarray(values >> 4, dtype=np.uint8)


def _low(values: Bytes) -> Bytes:
    return np.asarray(values & 15, dtype=np.uint8)


def _spread(rows: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """`rows` [N, G] repeated to [N, count]: each group's number once for every block it is cut into."""
    return np.repeat(rows, count // rows.shape[1], axis=1)


def _pack(values: Bytes, bits: int) -> Bytes:
    """uint8 [N, C] as stored: two a byte for 4 bits, low nibble first, rows padded to whole bytes."""
    if bits == 8:
        return np.ascontiguousarray(values)
    if values.shape[1] % 2:
        values = np.pad(values, ((0, 0), (0, 1)))
    return np.asarray(values[:, 0::2] | (values[:, 1::2] << 4), dtype=np.uint8)
