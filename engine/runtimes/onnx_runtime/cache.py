"""The key-value cache of a decoder session: one buffer per layer that the graph reads and writes in place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from engine.runtimes.base import Ids

# How the names of a graph's cache inputs and outputs begin.
PAST, PRESENT = "past_key_values.", "present."
MASK, POSITIONS = "attention_mask", "position_ids"
START = "start"  # an exported graph's input: how many positions of the cache are filled
_TYPES = {"tensor(float16)": np.float16, "tensor(int8)": np.int8}
_FIRST = 256  # positions a new cache has room for beyond its prompt; it doubles from there


def cache_shape(folder: Path) -> tuple[int, int]:
    """Key-value heads and head width of the decoder in `folder`, from its config.json: fused graphs do not say both."""
    sizes = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = sizes.get("num_key_value_heads") or sizes["num_attention_heads"]
    return heads, sizes.get("head_dim") or sizes["hidden_size"] // sizes["num_attention_heads"]


class KeyValueCache:
    """Keys and values of the open sequence. B rows, H key-value heads, C positions there is room for, D head width.

    Each buffer [B, H, C, D] is bound both as past and as present, so that GroupQueryAttention or TensorScatter appends
    to it without a copy. Its type is the graph's: float32, float16 or int8.

    Attributes:
        length: positions filled, padding of shorter rows counted.
        padding: [B] positions that each row has less, which lie behind its own tokens; None where all rows are as long.
        several: after something is in it, several rows can append several tokens at once.
    """

    several = False

    def __init__(self, session: Any, folder: Path, device: str, limit: int) -> None:
        """The cache of the graph in `folder` that `session` runs; `limit` is the longest sequence."""
        inputs = session.get_inputs()
        past = [value for value in inputs if value.name.startswith(PAST)]
        self._widths = self._shapes(past, folder)
        self._dtype: Any = _TYPES.get(past[0].type, np.float32) if past else np.float32
        self._counts = any(value.name == POSITIONS for value in inputs)
        self._device, self._limit = device, limit
        self._rows = self._capacity = self.length = 0
        self._buffers: dict[str, Any] = {}
        self._mask = np.ones((0, 0), np.int64)
        self.padding: Ids | None = None

    @staticmethod
    def _shapes(past: list[Any], folder: Path) -> dict[str, tuple[int, int]]:
        """H and D of each of the graph's inputs `past`."""
        return dict.fromkeys((value.name for value in past), cache_shape(folder)) if past else {}

    def start(self, rows: int, length: int) -> bool:
        """Begin an empty sequence of `rows` with room for `length` positions and more; whether buffers have changed."""
        self.length = 0
        self.padding = None
        if rows == self._rows and self._fits(length):
            return False
        self.free()
        self._rows = rows
        self._allocate(min(self._limit, length + _FIRST))
        return True

    def reserve(self, more: int) -> bool:
        """Make room for `more` positions; whether buffers have changed. Raises ValueError past the longest sequence."""
        needed = self.length + more
        if needed <= self._capacity:
            return False
        if needed > self._limit:
            raise ValueError(f"the sequence would reach {needed} tokens; the model holds {self._limit}")
        old, filled = self._buffers, self.length
        self._allocate(min(self._limit, self._grown(needed)), old, filled)
        return True

    def pad(self, ids: Ids, mask: Ids) -> Ids:
        """Note that `ids` [B, T], which the sequence begins with, are padded left where `mask` is 0; the ids to read.

        GroupQueryAttention counts a row's tokens from the left, so the padding moves to the right.
        """
        self.padding = mask.shape[1] - mask.sum(axis=1)
        return np.stack([np.roll(row, -int(count)) for row, count in zip(ids, self.padding, strict=True)])

    def feeds(self, new: int) -> dict[str, Ids]:
        """What the graph is told of the positions, when `new` tokens a row are to be appended."""
        feeds = {MASK: self._mask_of(self.length + new)}
        if self._counts:
            positions = np.tile(np.arange(self.length, self.length + new, dtype=np.int64), (self._rows, 1))
            if self.padding is not None and self.length:
                positions -= self.padding[:, None]
            feeds[POSITIONS] = positions
        return feeds

    def _fits(self, length: int) -> bool:
        """Whether a sequence of `length` may begin in the room there is."""
        return length <= self._capacity

    def _grown(self, needed: int) -> int:
        """The room to make where `needed` positions do not fit."""
        return max(needed, 2 * self._capacity)

    def _mask_of(self, total: int) -> Ids:
        """The attention mask of `total` positions, [B, total], real ones first: the kernel only counts them.

        One row's is a slice, so nothing is allocated.
        """
        if self.padding is not None:
            # a row without a token yet counts one, which the first real one overwrites
            own = np.maximum(total - self.padding, 1)
            return (np.arange(total) < own[:, None]).astype(np.int64)
        return self._mask[:, :total] if self._rows == 1 else np.ascontiguousarray(self._mask[:, :total])

    def bind(self, binding: Any) -> None:
        """Bind every buffer of `binding` as past and present."""
        for name, buffer in self._buffers.items():
            binding.bind_ortvalue_input(name, buffer)
            binding.bind_ortvalue_output(name.replace(PAST, PRESENT), buffer)

    def free(self) -> None:
        """Give the buffers back."""
        self._buffers = {}
        self._rows = self._capacity = self.length = 0

    def _allocate(self, capacity: int, old: dict[str, Any] | None = None, filled: int = 0) -> None:
        buffers = {}
        for name, (heads, width) in self._widths.items():
            # zeros come as untouched pages: memory is used as the sequence grows
            array = np.zeros((self._rows, heads, capacity, width), self._dtype)
            if old:
                array[:, :, :filled] = old.pop(name).numpy()[:, :, :filled]
            buffers[name] = ort.OrtValue.ortvalue_from_numpy(array, self._device)
        self._buffers, self._capacity = buffers, capacity
        self._mask = np.ones((self._rows, capacity), np.int64)


class ScatterCache(KeyValueCache):
    """The cache of an exported graph, which writes new tokens at a position it is told and attends to all of C.

    So the room beyond what is filled is kept small, and padding stays left of a row's tokens.
    """

    several = True

    @staticmethod
    def _shapes(past: list[Any], folder: Path) -> dict[str, tuple[int, int]]:
        """As the base class says; the graph tells them, and they may differ between keys and values."""
        return {value.name: (int(value.shape[1]), int(value.shape[3])) for value in past}

    def pad(self, ids: Ids, mask: Ids) -> Ids:
        """As the base class says; nothing moves."""
        self.padding = mask.shape[1] - mask.sum(axis=1)
        return ids

    def feeds(self, new: int) -> dict[str, Ids]:
        """As the base class says."""
        feeds = {MASK: self._mask, START: np.array(self.length, np.int64)}
        positions = np.tile(np.arange(self.length, self.length + new, dtype=np.int64), (self._rows, 1))
        if self.padding is not None:
            feeds[MASK] = (np.arange(self._capacity) >= self.padding[:, None]).astype(np.int64)
            positions = np.maximum(positions - self.padding[:, None], 0)
        return feeds | {POSITIONS: positions} if self._counts else feeds

    def _fits(self, length: int) -> bool:
        return length <= self._capacity <= length + 2 * _FIRST

    def _grown(self, needed: int) -> int:
        return needed + _FIRST


def cache_of(session: Any, folder: Path, device: str, limit: int) -> KeyValueCache:
    """The cache of the graph in `folder` that `session` runs, for sequences of up to `limit` tokens."""
    scatters = any(value.name == START for value in session.get_inputs())
    return (ScatterCache if scatters else KeyValueCache)(session, folder, device, limit)
