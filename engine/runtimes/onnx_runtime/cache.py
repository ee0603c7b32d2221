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
_TYPES = {"tensor(float16)": np.float16, "tensor(int8)": np.int8}
_FIRST = 256  # positions a new cache has room for beyond its prompt; it doubles from there


def cache_shape(folder: Path) -> tuple[int, int]:
    """Key-value heads and head width of the decoder in `folder`, from its config.json."""
    sizes = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = sizes.get("num_key_value_heads") or sizes["num_attention_heads"]
    return heads, sizes.get("head_dim") or sizes["hidden_size"] // sizes["num_attention_heads"]


class KeyValueCache:
    """Keys and values of the open sequence. B rows, H key-value heads, C positions there is room for, D head width.

    Each buffer [B, H, C, D] is bound both as past and as present, so GroupQueryAttention appends to it without a copy.
    Its type is the graph's: float32, float16 or int8.

    Attributes:
        length: positions filled, padding of shorter rows counted.
        padding: [B] positions that each row has less, which lie behind its own tokens; None where all rows are as long.
    """

    def __init__(self, session: Any, device: str, limit: int, heads: int, width: int) -> None:
        """`limit` is the longest sequence; `heads` H and `width` D are the cache's own."""
        inputs = [value for value in session.get_inputs() if value.name.startswith(PAST)]
        self._names = tuple(value.name for value in inputs)
        self._dtype: Any = _TYPES.get(inputs[0].type, np.float32) if inputs else np.float32
        self._device, self._limit, self._heads, self._width = device, limit, heads, width
        self._rows = self._capacity = self.length = 0
        self._buffers: dict[str, Any] = {}
        self._mask = np.ones((0, 0), np.int64)
        self.padding: Ids | None = None

    def start(self, rows: int, length: int) -> bool:
        """Begin an empty sequence of `rows` with room for `length` positions and more; whether buffers have changed."""
        self.length = 0
        self.padding = None
        if rows == self._rows and length <= self._capacity:
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
        self._allocate(min(self._limit, max(needed, 2 * self._capacity)), old, filled)
        return True

    def mask(self, total: int) -> Ids:
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
        for name in self._names:
            # zeros come as untouched pages: memory is used as the sequence grows
            array = np.zeros((self._rows, self._heads, capacity, self._width), self._dtype)
            if old:
                array[:, :, :filled] = old.pop(name).numpy()[:, :, :filled]
            buffers[name] = ort.OrtValue.ortvalue_from_numpy(array, self._device)
        self._buffers, self._capacity = buffers, capacity
        self._mask = np.ones((self._rows, capacity), np.int64)
