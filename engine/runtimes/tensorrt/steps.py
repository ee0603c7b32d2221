"""Single tokens read by one CUDA graph, which launches every kernel of a step at once, over shapes that stay.

The cache is laid out with room for more positions than it holds; the mask hides those, and new keys and values are
moved from behind them to their place. So a graph serves up to STEP tokens, and every text that fills as much room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.runtimes.base import Ids
from engine.runtimes.tensorrt import loaded
from engine.runtimes.tensorrt.cache import Cache

STEP = 256  # positions by which the room grows


class Steps:
    """Reads tokens after what `cache` holds.

    Attributes:
        refused: why no graph could be recorded; empty while there was no such case.
    """

    def __init__(self, engine: Any, profile: int, cache: Cache, batch: int, positions: int) -> None:
        """`profile` of `engine` is for single tokens; both hold up to `batch` texts and `positions`."""
        self._engine, self._profile, self._cache, self._positions = engine, profile, cache, positions
        self._ids = torch.zeros(batch, dtype=torch.int64, device=loaded.DEVICE)
        self._masks = torch.zeros(batch * positions, dtype=torch.int64, device=loaded.DEVICE)
        self._place = torch.zeros(1, dtype=torch.int64, device=loaded.DEVICE)
        self._replay: Callable[[], None] | None = None
        self._logits: Any = None
        self._shape = (0, 0)  # texts and room that the graph is for
        self._length = -1  # positions after which mask and place are right
        self.refused = ""

    def read(self, ids: Ids, mask: Ids) -> Tensor | None:
        """The logits [B, 1, V] after `ids` [B]; `mask` [B, P] is that of the positions held.

        None where the last room is used up or the GPU's driver refuses to record: read the token in another way.
        """
        cache = self._cache
        room = min(-(-(cache.length + 1) // STEP) * STEP, self._positions - 1)
        if self.refused or cache.length >= room:
            return None
        if (cache.rows, room) != self._shape or cache.laid != room or cache.length != self._length:
            self._prepare(mask, room)
        self._ids[: cache.rows].copy_(torch.from_numpy(np.ascontiguousarray(ids)))
        if (cache.rows, room) != self._shape:
            self._record(room)
        if self._replay is None:
            return None
        self._replay()
        cache.length += 1
        self._length = cache.length
        logits: Tensor = self._logits
        return logits

    def close(self) -> None:
        """Let the graph go."""
        self._replay = self._logits = None
        self._shape = (0, 0)

    def _prepare(self, mask: Ids, room: int) -> None:
        """Lay the cache out for `room` positions, and note which of them are filled."""
        cache = self._cache
        cache.lay_steadily(room)
        whole = np.zeros((cache.rows, room + 1), np.int64)
        whole[:, : cache.length], whole[:, room] = mask, 1
        self._mask(room).copy_(torch.from_numpy(whole))
        self._place.fill_(cache.length)

    def _record(self, room: int) -> None:
        self.close()
        cache, mask = self._cache, self._mask(room)
        rows = cache.rows
        ids = {"input_ids": ((rows, 1), self._ids), "attention_mask": ((rows, room + 1), self._masks)}

        def settle() -> None:
            cache.settle(self._place)
            mask.index_fill_(1, self._place, 1)
            self._place.add_(1)

        try:
            replay, made = self._engine.recorded(self._profile, {**ids, **cache.inputs()}, cache.outputs(), settle)
        except RuntimeError as error:
            self.refused = str(error).strip().partition("\n")[0].rstrip(".") or "the driver refuses"
            return
        self._replay, self._logits, self._shape = replay, made["logits"], (rows, room)

    def _mask(self, room: int) -> Tensor:
        rows = self._cache.rows
        return self._masks[: rows * (room + 1)].view(rows, room + 1)
