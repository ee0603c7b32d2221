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
        laid: the positions that its buffers are laid out for, `length` or more.
    """

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        """`sizes` are an engine's settings, see `lower.parts_of`."""
        self._heads, self._width, layers = sizes["heads"], sizes["width"], sizes["layers"]
        self.rows = self.length = self.laid = 0
        count = sizes["batch"] * self._heads * sizes["positions"] * self._width
        self._names = dict(zip(cache_names("past", layers), cache_names("present", layers), strict=True))
        self._full = buffers(self._names, count, sizes["cache"])
        self._free = buffers(self._names, count, sizes["cache"])
        self._steady = self._full  # those of the two that a recorded graph knows

    def start(self, rows: int) -> None:
        """Begin empty sequences of `rows` texts."""
        self.rows, self.length, self.laid = rows, 0, 0

    def inputs(self) -> Inputs:
        """What it holds, as an engine's inputs."""
        shape = (self.rows, self._heads, self.laid, self._width)
        return {name: (shape, buffer) for name, buffer in self._full.items()}

    def outputs(self) -> dict[str, Tensor]:
        """Where an engine writes what it holds with new positions behind; `grow` follows."""
        return {self._names[name]: buffer for name, buffer in self._free.items()}

    def grow(self, count: int) -> None:
        """Hold what was written to `outputs`, `count` positions more than before. Only while `laid` is `length`."""
        self._full, self._free = self._free, self._full
        self.length += count
        self.laid = self.length

    def cut(self, count: int) -> None:
        """Forget the last `count` positions. Raises ValueError for more than there are."""
        if count > self.length:
            raise ValueError(f"the sequence has {self.length} positions, not {count}")
        self.length -= count

    def lay(self, positions: int) -> None:
        """Lay what is held out in buffers for `positions`, `length` or more."""
        if positions != self.laid:
            self._copy(positions)

    def lay_steadily(self, positions: int) -> None:
        """The same, always in the same buffers; what lies behind the held positions is finite."""
        while positions != self.laid or self._full is not self._steady:
            self._copy(positions)

    def settle(self, place: Tensor) -> None:
        """Move what a step wrote to `outputs`, one position behind all that is laid out, to position `place` [1]."""
        for name, buffer in self._full.items():
            written = self._shaped(self._free[name], self.laid + 1)
            self._shaped(buffer, self.laid).index_copy_(2, place, written[:, :, self.laid :])

    def _copy(self, positions: int) -> None:
        for name, buffer in self._full.items():
            held, room = self._shaped(buffer, self.laid), self._shaped(self._free[name], positions)
            room[:, :, : self.length].copy_(held[:, :, : self.length])
            room[:, :, self.length :].zero_()  # hidden, but a number that is none would not stay hidden
        self._full, self._free = self._free, self._full
        self.laid = positions

    def _shaped(self, buffer: Tensor, length: int) -> Tensor:
        shape = (self.rows, self._heads, length, self._width)
        return buffer[: math.prod(shape)].view(shape)
