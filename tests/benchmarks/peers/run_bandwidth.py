"""How fast this machine reads memory with the given threads: the limit of decoding at batch 1.

An answer reads 1 GiB several times; its "seconds" are those of one reading each. The buffer is numpy's, which asks
for huge pages where the system grants them on request, so that the limit is not set too low.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from child import serve

GIB = 1 << 30


class Memory:
    """A buffer of 1 GiB."""

    packages = ("torch", "numpy")
    weight_bytes = GIB

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        self._buffer = torch.from_numpy(np.ones(GIB // 8, np.int64))

    def answer(self, ids: list[int], new: int) -> Iterator[int]:
        """Read the buffer `new` times."""
        for _ in range(new):
            yield int(self._buffer.sum()) != GIB // 8

    def logits(self, ids: list[int]) -> np.ndarray:
        """Memory predicts nothing: raises TypeError."""
        raise TypeError("memory predicts nothing")


if __name__ == "__main__":
    serve(Memory)
