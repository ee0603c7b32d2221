"""A checkpoint's weights as OpenVINO constants: integers with their scales and zero points, or floats as stored.

Shape letters: N output rows, K input columns, G groups a row, g = K/G.
Every conversion keeps each weight exactly: grids of fewer bits are widened to 4 or 8, floats keep their stored type.
The plugins fuse the chain Constant → Convert → Subtract → Multiply → Reshape into the product that reads it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from engine import heap
from engine.checkpoint.outline import Outline
from engine.grid.grid import Grid
from engine.runtimes.openvino.library import ops, ov
from engine.runtimes.stored import Stored

_BETWEEN_TRIMS = 32 << 20  # bytes of constants
_HALF = {"BF16": (torch.bfloat16, ov.Type.bf16), "F16": (torch.float16, ov.Type.f16)}


class Weights:
    """The weights of the model `outline`, as its checkpoint has `stored` them; each is held once, tied ones too.

    Constants share their bytes with arrays that this object keeps: it must outlive the graph.

    Attributes:
        integer: how many weights lie on a grid.
        bytes: bytes of all constants made so far.
    """

    def __init__(self, outline: Outline, stored: Stored) -> None:
        self._outline, self._twin, self._checkpoint = outline, outline.model, stored
        self._owners: dict[int, str] = {}
        self._made: dict[str, tuple[Any, ...]] = {}
        self._kept: list[npt.NDArray[Any]] = []
        self.integer = self.bytes = 0

    def vector(self, name: str, offset: float = 0.0) -> Any:
        """Parameter or buffer `name` plus `offset` as a float32 constant: norms and biases."""
        return self.table((self._outline.tensor(name) + offset).contiguous().numpy())

    def table(self, array: npt.NDArray[np.float32]) -> Any:
        """`array`, which was made of the model's weights, as a constant."""
        return self._constant(array, ov.Type.f32)

    def matrix(self, module: str) -> Any:
        """The weight [N, K] of linear layer or embedding `module`, as float32 values at the end of its chain."""
        owner = self._owner(module)
        if owner not in self._made:
            grid = self._checkpoint.grid(module)
            self._made[owner] = self._floats(module) if grid is None else self._integers(grid)
        return _chain(*self._made[owner])

    def _owner(self, module: str) -> str:
        """The first module asked for that holds the same tensor as `module`."""
        return self._owners.setdefault(id(self._twin.get_parameter(f"{module}.weight")), module)

    def _floats(self, module: str) -> tuple[Any, ...]:
        tensor = self._outline.tensor(f"{module}.weight")
        if hasattr(self._twin.get_submodule(module), "nf"):  # GPT-2's Conv1D is stored [K, N]
            tensor = tensor.T.contiguous()
        half = _HALF.get(self._checkpoint.dtype(module))
        if half is None:
            return (self._constant(tensor.contiguous().numpy(), ov.Type.f32), None, None, None)
        bits = tensor.to(half[0]).contiguous().view(torch.int16).numpy()
        return (self._constant(bits, half[1], tuple(tensor.shape)), None, None, None)

    def _integers(self, grid: Grid) -> tuple[Any, ...]:
        self.integer += 1
        rows, columns = grid.values.shape
        groups = grid.scale.shape[1]
        bits = 4 if grid.bits <= 4 else 8
        middle = 0 if grid.symmetric else 1 << (bits - 1)
        kind = {(4, 0): ov.Type.i4, (8, 0): ov.Type.i8, (4, 8): ov.Type.u4, (8, 128): ov.Type.u8}[bits, middle]
        grouped = groups > 1
        shape = (rows, groups, columns // groups) if grouped else (rows, columns)
        aside = (rows, groups, 1) if grouped else (rows, 1)
        data = self._constant(_stored(grid.values.numpy(), middle, bits), kind, shape)
        zero = None
        if grid.zero is not None:
            zero = self._constant(_stored(grid.zero.numpy(), middle, bits), kind, aside)
        elif grid.minimum is not None:  # w = (value − zero) · scale
            lowest = middle - (1 << (grid.bits - 1))
            place = lowest - grid.minimum.double() / grid.scale.double()
            zero = self._constant(place.float().reshape(aside).contiguous().numpy(), ov.Type.f32)
        scale = self._constant(grid.scale.float().reshape(aside).contiguous().numpy(), ov.Type.f32)
        return (data, zero, scale, (rows, columns) if grouped else None)

    def _constant(self, array: npt.NDArray[Any], kind: Any, shape: tuple[int, ...] | None = None) -> Any:
        """A constant of `kind`; `array` holds its bytes, which may be laid out otherwise than `shape`."""
        if self.bytes // _BETWEEN_TRIMS < (self.bytes + array.nbytes) // _BETWEEN_TRIMS:
            heap.trim()  # what was needed to make the arrays lies between them
        self.bytes += array.nbytes
        self._kept.append(array)
        tensor = ov.Tensor(array, ov.Shape(shape or array.shape), kind)
        return ops.constant(tensor)


def _chain(data: Any, zero: Any, scale: Any, shape: tuple[int, int] | None) -> Any:
    """The nodes that turn stored weights into floats; every reader of a shared weight has its own."""
    if data.get_element_type() == ov.Type.f32:
        return data
    value = ops.convert(data, ov.Type.f32)
    if scale is None:
        return value
    if zero is not None:
        value = ops.subtract(value, ops.convert(zero, ov.Type.f32))
    value = ops.multiply(value, scale)
    return value if shape is None else ops.reshape(value, np.array(shape, np.int64), special_zero=False)


def _stored(values: npt.NDArray[np.int8], middle: int, bits: int) -> npt.NDArray[np.uint8]:
    """`values` + `middle` as the bytes of a constant; two a byte for 4 bits, the low nibble first."""
    shifted = (values.view(np.uint8) + np.uint8(middle)).reshape(-1)  # bytes run over, and so come out right
    if bits == 8:
        return shifted
    shifted &= 0xF
    if shifted.size % 2:
        shifted = np.append(shifted, np.uint8(0))
    return np.asarray(shifted[0::2] | (shifted[1::2] << 4), dtype=np.uint8)
