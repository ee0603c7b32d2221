"""Numbers that come one by one and are drawn as an array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Buffer:
    """The latest `kept` to 2 × `kept` numbers in one array [N]; appending copies nothing but what is new.

    Attributes:
        dropped: how many of the oldest were forgotten.
    """

    def __init__(self, kept: int) -> None:
        self.dropped = 0
        self._kept, self._size = kept, 0
        self._room: Floats = np.empty(1024)

    def __len__(self) -> int:
        return self._size

    def extend(self, values: Sequence[float]) -> None:
        """Append `values`."""
        new = np.asarray(values, np.float64)
        if self._size + len(new) > 2 * self._kept:
            gone = max(0, self._size - self._kept)
            self._room[: self._size - gone] = self._room[gone : self._size]
            self._size -= gone
            self.dropped += gone
        needed = self._size + len(new)
        if needed > len(self._room):
            larger = np.empty(max(needed, 2 * len(self._room)))
            larger[: self._size] = self._room[: self._size]
            self._room = larger
        self._room[self._size : needed] = new
        self._size = needed

    def clear(self) -> None:
        """Forget everything."""
        self._size = self.dropped = 0

    @property
    def array(self) -> Floats:
        """The numbers, as a view that the next `extend` may change."""
        return self._room[: self._size]
