"""The key-value cache of an open sequence, in the GPU's memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from engine.runtimes.tensorrt.limits import cache_names
from engine.runtimes.tensorrt.loaded import Inputs, buffers


class Cache:
    """Keys and values [B, H, P, D] of every layer. They go from one buffer to the other with each call, the new ones
    behind the old.

    Attributes:
        rows, length: the texts B and positions P that it holds.
    """

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        """`sizes` are an engine's settings, see `lower.parts_of`."""
        self._heads, self._width, layers = sizes["heads"], sizes["width"], sizes["layers"]
        self.rows = self.length = 0
        count = sizes["batch"] * self._heads * sizes["positions"] * self._width
        self._names = dict(zip(cache_names("past", layers), cache_names("present", layers), strict=True))
        self._full = buffers(self._names, count, sizes["cache"])
        self._free = buffers(self._names, count, sizes["cache"])

    def start(self, rows: int) -> None:
        """Begin empty sequences of `rows` texts."""
        self.rows, self.length = rows, 0

    def inputs(self) -> Inputs:
        """What it holds, as an engine's inputs."""
        shape = (self.rows, self._heads, self.length, self._width)
        return {name: (shape, buffer) for name, buffer in self._full.items()}

    def outputs(self) -> dict[str, Tensor]:
        """Where an engine writes what it holds with new positions behind; `grow` follows."""
        return {self._names[name]: buffer for name, buffer in self._free.items()}

    def grow(self, count: int) -> None:
        """Hold what was written to `outputs`, `count` positions more than before."""
        self._full, self._free = self._free, self._full
        self.length += count

    def cut(self, count: int) -> None:
        """Forget the last `count` positions. Raises ValueError for more than there are."""
        length = self.length - count
        if length < 0:
            raise ValueError(f"the sequence has {self.length} positions, not {count}")
        for name, buffer in self._full.items():
            self._shaped(self._free[name], length).copy_(self._shaped(buffer, self.length)[:, :, :length])
        self._full, self._free = self._free, self._full
        self.length = length

    def _shaped(self, buffer: Tensor, length: int) -> Tensor:
        shape = (self.rows, self._heads, length, self._width)
        return buffer[: math.prod(shape)].view(shape)
