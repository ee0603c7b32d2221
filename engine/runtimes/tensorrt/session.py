"""An open TensorRT engine: a decoder with its key-value cache, or an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from engine.runtimes.base import Floats, Ids, OpenRequest, TextBatch
from engine.runtimes.encoder_calls import EncoderCalls
from engine.runtimes.tensorrt.cache import Cache
from engine.runtimes.tensorrt.limits import PIECE
from engine.runtimes.tensorrt.loaded import TensorRTSession, floats, on_gpu
from engine.runtimes.tensorrt.seal import PLAN
from engine.runtimes.tensorrt.steps import Steps
from engine.runtimes.tensorrt.text2text_session import TensorRTText2TextSession

PREFILL, DECODE = 0, 1  # the engine's profiles; an encoder's only one is 0


class DecoderSession(TensorRTSession):
    """A decoder."""

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        self._mask = self._padding = np.ones((0, 0), np.int64)
        self._cache: Any = Cache(self._settings)
        sizes = self._settings
        self.steps: Any = None
        if sizes.get("graph"):
            self.steps = Steps(self._engines[PLAN], DECODE, self._cache, sizes["batch"], sizes["positions"])

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T]; the logits of the last position, [B, V]."""
        self._start(ids, mask)
        last = None
        for begin in range(0, ids.shape[1], PIECE):
            last = self._append(ids[:, begin : begin + PIECE])[:, -1]
        assert last is not None
        return floats(last)

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        if self.steps is not None and self._cache.length:
            self._require(len(ids), self._cache.length + 1)
            logits = self.steps.read(ids, self._mask)
            if logits is not None:
                self._mask = np.concatenate([self._mask, np.ones((len(ids), 1), np.int64)], axis=1)
                return floats(logits[:, -1])
        return floats(self._append(ids[:, None])[:, -1])

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        done, found = 0, []
        while done < ids.shape[1]:
            # past the last whole piece the engine reads tokens one by one
            whole = self._cache.length + PIECE <= self._settings["positions"]
            step = ids[:, done : done + (PIECE if whole else 1)]
            found.append(floats(self._append(step)))
            done += step.shape[1]
        return np.concatenate(found, axis=1)

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        self._cache.cut(count)
        self._mask = self._mask[:, : self._cache.length]

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]. Leaves no sequence open."""
        self._start(ids, None)
        parts = [floats(self._append(ids[:, begin : begin + PIECE])) for begin in range(0, ids.shape[1], PIECE)]
        self._cache.start(0)
        return np.concatenate(parts, axis=1)

    def close(self) -> None:
        """Free the engine and the cache."""
        self._cache = self.steps = None
        super().close()

    def _start(self, ids: Ids, mask: Ids | None) -> None:
        self._require(*ids.shape)
        self._cache.start(len(ids))
        self._padding = np.ones_like(ids) if mask is None else np.asarray(mask, np.int64)
        self._mask = self._padding[:, :0]

    def _append(self, ids: Ids) -> Tensor:
        """Run `ids` [B, T] after what the cache holds; the logits, [B, T, V], on the GPU."""
        rows, new = ids.shape
        cache = self._cache
        total = cache.length + new
        self._require(rows, total)
        fresh = self._padding[:, cache.length : total]
        if fresh.shape[1] < new:
            fresh = np.ones((rows, new), np.int64)
        self._mask = np.concatenate([self._mask, fresh], axis=1)
        cache.lay(cache.length)
        inputs = {"input_ids": on_gpu(ids), "attention_mask": on_gpu(self._mask), **cache.inputs()}
        profile = DECODE if new == 1 and cache.length else PREFILL
        logits: Tensor = self._engines[PLAN].run(profile, inputs, cache.outputs())["logits"]
        cache.grow(new)
        return logits


class EncoderSession(EncoderCalls, TensorRTSession):
    """An encoder: hidden states, class logits, or logits of masked tokens."""

    def _run(self, output: str, batch: TextBatch) -> Floats:
        """`output` for `batch`, as many texts at once as the engine takes."""
        most = self._settings["batch"]
        found = []
        for begin in range(0, len(batch.input_ids), most):
            ids, mask = batch.input_ids[begin : begin + most], batch.attention_mask[begin : begin + most]
            self._require(*ids.shape)
            made = self._engines[PLAN].run(PREFILL, {"input_ids": on_gpu(ids), "attention_mask": on_gpu(mask)}, {})
            found.append(floats(made[output]))
        return np.concatenate(found)


def open_session(request: OpenRequest) -> TensorRTSession:
    """Open the artefact of `request`. Raises UserError for an engine that was not built here."""
    if request.artefact.task == "text-generation":
        return DecoderSession(request)
    if request.artefact.task == "text2text-generation":
        return TensorRTText2TextSession(request)
    return EncoderSession(request)
