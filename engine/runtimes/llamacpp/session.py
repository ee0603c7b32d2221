"""An open GGUF model: prompts of different lengths are sequences of their own, without padding."""

from __future__ import annotations

import numpy as np

from engine.runtimes.base import Floats, Ids, OpenRequest, Session
from engine.runtimes.limits import context_length, ending_tokens
from engine.runtimes.llamacpp.apart import ApartSession
from engine.runtimes.llamacpp.library import BATCH, Context, Model, has_amx
from engine.runtimes.llamacpp.limits import CACHE_TYPES, MODEL, attention_for

_FIRST = 256  # positions that a new context has room for beyond its prompt; it doubles from there


class LlamaCppSession(Session):
    """A decoder on llama.cpp. `amx`: its kernels for AMX may be used."""

    def __init__(self, request: OpenRequest, *, amx: bool = False) -> None:
        options = request.artefact.target.options
        self._setup(request, options.get("kv_cache", "f16"), options.get("attention", "automatic"), amx)

    def _setup(self, request: OpenRequest, kv_cache: str, attention: str, amx: bool) -> None:
        self.folder, self.task, self.runtime = request.folder, request.artefact.task, request.artefact.runtime
        self.device, self.weight_bytes = request.device, request.artefact.weight_bytes
        self.eos = ending_tokens(request.folder)
        self._threads, self._cache = request.threads, CACHE_TYPES[kv_cache]
        self._attention = attention_for(kv_cache, attention)
        self._model = Model(request.folder / MODEL, amx=amx)
        self.context_length = min(context_length(request.folder), self._model.longest)
        self._context: Context | None = None
        self._lengths: list[int] = []

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T]; the logits of the last position, [B, V].

        `mask` [B, T] is 1 on real tokens and 0 on the padding left of them; without it every token is real.
        """
        rows = [row if mask is None else row[mask[index] != 0] for index, row in enumerate(ids)]
        self._start(len(rows), max(len(row) for row in rows))
        return self._append(rows, last_only=True)

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        self._require_open(len(ids))
        context = self._reserve(max(self._lengths) + 1)
        found = context.decode(ids, np.array(self._lengths), np.arange(len(ids)), np.ones(len(ids), np.bool_))
        self._lengths = [length + 1 for length in self._lengths]
        return found

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        return self._append(list(ids), last_only=False).reshape(*ids.shape, -1)

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence, so that others can take their place.

        Raises ValueError where a row has fewer.
        """
        if count > min(self._lengths, default=0):
            raise ValueError(f"the open sequence has no {count} tokens")
        assert self._context is not None
        for row in range(len(self._lengths)):
            self._lengths[row] -= count
            self._context.forget(row, self._lengths[row])

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]. Leaves no sequence open."""
        self._start(*ids.shape)
        found = self.extend(ids)
        self._start(*ids.shape)
        self._lengths = []
        return found

    def close(self) -> None:
        """Free the weights and the key-value memory."""
        if self._context is not None:
            self._context.close()
            self._context = None
        self._lengths = []
        self._model.close()

    def _start(self, rows: int, length: int) -> None:
        """Begin empty sequences of `rows` with room for `length` positions and more."""
        self._require(length)
        self._lengths = [0] * rows
        if self._context is not None and self._context.rows == rows and self._context.capacity >= length:
            self._context.clear()
            return
        if self._context is not None:
            old, self._context = self._context, None  # making the new one may fail
            old.close()
        self._context = self._new(rows, length + _FIRST)

    def _new(self, rows: int, positions: int) -> Context:
        positions = min(positions, self.context_length)
        return Context(self._model, rows, positions, self._threads, cache=self._cache, attention=self._attention)

    def _reserve(self, needed: int) -> Context:
        """The context, moved into a larger one where `needed` positions do not fit."""
        self._require(needed)
        assert self._context is not None
        if needed > self._context.capacity:
            larger = self._new(self._context.rows, max(needed, 2 * self._context.capacity))
            try:
                self._context.move_to(larger)
            except BaseException:
                larger.close()
                raise
            self._context.close()
            self._context = larger
        return self._context

    def _require_open(self, rows: int) -> None:
        if rows != len(self._lengths):
            raise ValueError(f"{len(self._lengths) or 'no'} sequences are open, not {rows}")

    def _require(self, needed: int) -> None:
        if needed > self.context_length:
            raise ValueError(f"the sequence would reach {needed} tokens; the model holds {self.context_length}")

    def _append(self, rows: list[Ids], *, last_only: bool) -> Floats:
        """Compute `rows` of ids after what is there; the logits of each row's last id, or of all, rows in turn."""
        self._require_open(len(rows))
        lengths = np.array([len(row) for row in rows], np.int32)
        context = self._reserve(int((lengths + self._lengths).max()))
        tokens = np.concatenate(rows).astype(np.int32)
        owners = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
        ends = np.cumsum(lengths)
        first = np.asarray(self._lengths, np.int32) - (ends - lengths)
        positions = np.arange(len(tokens), dtype=np.int32) + np.repeat(first, lengths).astype(np.int32)
        wanted = np.full(len(tokens), not last_only)
        wanted[ends - 1] = True
        found = [
            context.decode(tokens[part], positions[part], owners[part], wanted[part])
            for part in (slice(start, start + BATCH) for start in range(0, len(tokens), BATCH))
        ]
        self._lengths = [length + int(more) for length, more in zip(self._lengths, lengths, strict=True)]
        return found[0] if len(found) == 1 else np.concatenate(found)


class ExactSession(LlamaCppSession):
    """The same with keys and values in float32 and plain attention: what the conversion is checked with."""

    def __init__(self, request: OpenRequest) -> None:
        self._setup(request, "f32", "plain", False)


def open_session(request: OpenRequest) -> Session:
    """Open the artefact of `request`: in a process of its own where llama.cpp uses AMX."""
    return ApartSession(request) if has_amx() else LlamaCppSession(request)
