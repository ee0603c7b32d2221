"""A weight as integers, scales and zero points: read from a checkpoint, written to one, turned back into floats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from torch import Tensor

from engine.checkpoint.info import GridScheme
from engine.grid.pack import pack, unpack
from engine.grid.scheme import SIDE_FILE, embedding_grid
from engine.protocol.errors import UserError

if TYPE_CHECKING:
    from engine.checkpoint.reader import Reader

_AT_ONCE = 4 << 20  # weights of an embedding that are divided by their scales at once


@dataclass(frozen=True)
class Grid:
    """One weight on its grid. O = out, I = in, G = groups a row.

    Attributes:
        values: int8 [O, I], signed: −2^(bits−1) … 2^(bits−1) − 1.
        scale: float [O, G].
        zero: int8 [O, G], signed as `values`; None when symmetric, or with `minimum`.
        bits: 2 to 8.
        group_size: columns a scale serves; None is the whole row.
        minimum: float [O, G], the weight that the lowest integer stands for, where offsets are floats; else None.
    """

    values: Tensor
    scale: Tensor
    zero: Tensor | None
    bits: int
    group_size: int | None
    minimum: Tensor | None = None

    @property
    def symmetric(self) -> bool:
        """There are no offsets of either kind."""
        return self.zero is None and self.minimum is None


def some_rows(grid: Grid, which: Any) -> Grid:
    """The rows `which` (indices or a slice) of `grid`."""
    zero, minimum = (None if part is None else part[which] for part in (grid.zero, grid.minimum))
    return Grid(grid.values[which], grid.scale[which], zero, grid.bits, grid.group_size, minimum)


def dequantise(grid: Grid, dtype: torch.dtype | None = None) -> Tensor:
    """The float weight [O, I], computed in `dtype` (default: the scales' own, as plain Transformers does)."""
    dtype = dtype or grid.scale.dtype
    rows, groups = grid.scale.shape
    values = grid.values.reshape(rows, groups, -1).to(dtype)
    if grid.zero is not None:
        values = values - grid.zero.to(dtype).unsqueeze(-1)
    if grid.minimum is not None:
        from_lowest = (values + (1 << (grid.bits - 1))) * grid.scale.to(dtype).unsqueeze(-1)
        return (from_lowest + grid.minimum.to(dtype).unsqueeze(-1)).reshape(rows, -1)
    return (values * grid.scale.to(dtype).unsqueeze(-1)).reshape(rows, -1)


def packed_tensors(module: str, grid: Grid) -> dict[str, Tensor]:
    """`grid` as the tensors that a checkpoint stores for linear layer `module`."""
    tensors = {
        f"{module}.weight_packed": pack(grid.values, grid.bits),
        f"{module}.weight_scale": grid.scale.contiguous(),
        f"{module}.weight_shape": torch.tensor(grid.values.shape, dtype=torch.int64),
    }
    if grid.zero is not None:
        tensors[f"{module}.weight_zero_point"] = pack(grid.zero, grid.bits, along_rows=True)
    if grid.minimum is not None:
        tensors[f"{module}.weight_minimum"] = grid.minimum.contiguous()
    return tensors


def scheme_of(reader: Reader, module: str) -> GridScheme:
    """The scheme that `module` lies on. Raises KeyError if it lies on none."""
    for scheme in reader.grids:
        if module in scheme.modules:
            return scheme
    raise KeyError(module)


def read(reader: Reader, module: str) -> Grid:
    """The grid of `module`: a packed linear layer, or an embedding or head stored dense on its grid.

    Raises KeyError if the module lies on no grid, UserError if its scales are missing.
    """
    scheme = scheme_of(reader, module)
    if f"{module}.weight_packed" in reader:
        return _unpacked(reader.tensor, module, scheme)
    if scheme.float_offset:
        return _unpacked(partial(_beside, reader), module, scheme)
    scale = _beside(reader, f"{module}.weight_scale")
    weight = reader.tensor(f"{module}.weight")
    rows, groups = scale.shape
    values = torch.empty(weight.shape, dtype=torch.int8)
    count = max(1, _AT_ONCE // weight.shape[1])
    for start in range(0, rows, count):
        part = slice(start, start + count)
        quotient = weight[part].float().reshape(-1, groups, weight.shape[1] // groups) / scale[part].unsqueeze(-1)
        values[part] = quotient.round_().reshape(-1, weight.shape[1])
    return Grid(values, scale, None, scheme.bits, scheme.group_size)


def _unpacked(tensor: Callable[[str], Tensor], module: str, scheme: GridScheme) -> Grid:
    """The grid whose `packed_tensors` the function `tensor` answers by name."""
    shape = tensor(f"{module}.weight_shape").tolist()
    scale = tensor(f"{module}.weight_scale")
    zero = minimum = None
    if scheme.float_offset:
        minimum = tensor(f"{module}.weight_minimum")
    elif not scheme.symmetric:
        packed = tensor(f"{module}.weight_zero_point")
        zero = unpack(packed, scheme.bits, (shape[0], scale.shape[1]), along_rows=True)
    values = unpack(tensor(f"{module}.weight_packed"), scheme.bits, (shape[0], shape[1]))
    return Grid(values, scale, zero, scheme.bits, scheme.group_size, minimum)


def read_scale(reader: Reader, module: str) -> Tensor:
    """The scales of `module` alone, [O, G]. Raises as `read` does."""
    packed = f"{module}.weight_scale"
    return reader.tensor(packed) if packed in reader else _beside(reader, packed)


def dense(reader: Reader, name: str, dtype: torch.dtype | None = None) -> Tensor:
    """Tensor `name` as floats: as stored, or dequantised when its module is packed; in `dtype` if given.

    An embedding or head on a grid, asked for in float32, has the exact values of its grid: a file in 16 bits holds them
    rounded. Raises KeyError if the checkpoint has no such tensor.
    """
    module = name.removesuffix(".weight")
    if name.endswith(".weight") and f"{module}.weight_packed" in reader:
        return dequantise(read(reader, module), dtype)
    tensor = reader.tensor(name)
    if dtype == torch.float32 and tensor.dtype != dtype and module in beside_modules(reader):
        return dequantise(read(reader, module), dtype)
    return tensor if dtype is None or not tensor.is_floating_point() else tensor.to(dtype)


def beside_modules(reader: Reader) -> frozenset[str]:
    """The embedding and head that are stored dense on a grid."""
    return frozenset(module for scheme in embedding_grid(reader.config) for module in scheme.modules)


def beside_embedding(reader: Reader) -> dict[str, Tensor]:
    """What lies beside embedding and head, by name; empty if they lie on no grid."""
    found = {}
    for scheme in embedding_grid(reader.config):
        leaves = _PACKED if scheme.float_offset else _PACKED[:1]
        for name in (f"{module}.{leaf}" for module in scheme.modules for leaf in leaves):
            found[name] = _beside(reader, name)
    return found


def beside_tensors(module: str, grid: Grid) -> dict[str, Tensor]:
    """What of `grid` has to be stored beside the dense weight of embedding or head `module`."""
    return {f"{module}.weight_scale": grid.scale} if grid.symmetric else packed_tensors(module, grid)


_PACKED = ("weight_scale", "weight_minimum", "weight_packed", "weight_shape")


def _beside(reader: Reader, name: str) -> Tensor:
    path = reader.folder / SIDE_FILE
    try:
        with safe_open(path, framework="pt") as file:
            return file.get_tensor(name)  # type: ignore[no-any-return]
    except Exception as error:
        raise UserError(
            f"“{name}” is missing from {SIDE_FILE}.",
            "Copy the whole folder again; that file belongs to the checkpoint.",
            where=str(path),
            code="missing_shard",
        ) from error
