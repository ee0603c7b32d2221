"""An open encoder-decoder compiled by torch.compile: two static caches, one for the prompt and one for the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import Cache, EncoderDecoderCache
from transformers.cache_utils import StaticLayer

from engine.runtimes.base import Floats, Ids, OpenRequest
from engine.runtimes.text2text import Text2TextSession
from engine.runtimes.torch_compile.graphs import FEW, SHORT, CompiledGraphs, power
from engine.runtimes.torch_models import empty_cache, floats


class CompiledText2TextSession(Text2TextSession, CompiledGraphs):
    """One graph for each padded length of a prompt, rounded up to powers of two; one for a token of the answer, and
    one for several. Lengths and batch sizes other than the first compile when they first occur.

    Every cache has room for the longest text, and what is not a token of the prompt is masked: the decoder's graphs
    serve every prompt.
    """

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        self.set_up_answers(request.folder)
        self._caches: dict[int, Any] = {}
        self._rows = self._length = 0  # of the open answer, its start counted
        self._mask: Any = None  # [B, longest text], 1 on the prompt's real tokens
        one = np.ones((1, SHORT), dtype=np.int64)
        work = [("Compiling prompts", lambda: self._read_prompt(one, None)),
                ("Compiling decoding", lambda: self._append(one[:, :1]))]  # fmt: skip
        self._compile(request, work)

    def close(self) -> None:
        """Free weights, caches and machine code."""
        self._caches.clear()
        super().close()

    def _read_prompt(self, ids: Ids, mask: Ids | None) -> None:
        rows, length = ids.shape
        self._require_room(length)
        width = min(power(length, SHORT), self.context_length)
        padded = np.zeros((rows, width), dtype=np.int64)
        real = np.zeros((rows, self.context_length), dtype=np.int64)
        padded[:, :length], real[:, :length] = ids, 1 if mask is None else mask
        made = self._run("read", self._tensor(padded), self._tensor(np.ascontiguousarray(real[:, :width])))
        if rows not in self._caches:
            self._caches[rows] = self._new_cache(made)
        for layer, (keys, values) in zip(self._caches[rows].cross_attention_cache.layers, made, strict=True):
            layer.keys[:, :, :width] = keys
            layer.values[:, :, :width] = values
        self._rows, self._mask = rows, self._tensor(real)
        self._set_length(0)

    def _append(self, ids: Ids) -> Floats:
        self._require_room(self._length + ids.shape[1])
        found = []
        begin = 0
        while begin < ids.shape[1]:
            count = min(FEW, ids.shape[1] - begin)
            if count == 1 or self._length + FEW > self.context_length:  # padding would not fit behind the last tokens
                count, piece = 1, ids[:, begin : begin + 1]
            else:
                piece = np.zeros((len(ids), FEW), dtype=np.int64)
                piece[:, :count] = ids[:, begin : begin + count]
            name = "write" if piece.shape[1] == 1 else "score"
            logits = self._run(name, self._tensor(np.ascontiguousarray(piece)), self._caches[self._rows], self._mask)
            found.append(floats(logits)[:, :count])
            begin += count
            self._set_length(self._length + count)
        return np.concatenate(found, axis=1)

    def _forget(self, count: int) -> None:
        self._set_length(self._length - count)

    def _set_length(self, length: int) -> None:
        self._length = length
        for layer in self._caches[self._rows].self_attention_cache.layers:
            layer.cumulative_length.fill_(length)

    def _new_cache(self, made: list[tuple[torch.Tensor, torch.Tensor]]) -> EncoderDecoderCache:
        """Empty caches for keys and values as `made` of a prompt, a pair a layer: [B, heads, S, width] each."""
        halves = []
        for _ in range(2):
            layers = [StaticLayer(max_cache_len=self.context_length) for _ in made]
            for layer, (keys, values) in zip(layers, made, strict=True):
                layer.lazy_initialization(keys, values)
            halves.append(Cache(layers=layers))  # type: ignore[arg-type]
        cache = EncoderDecoderCache(*halves)
        cache.is_updated = dict.fromkeys(range(len(made)), True)  # the prompt's half is filled here, not by the model
        return cache

    def _function(self, name: str) -> Callable[..., Any]:
        model, encoder, width = self.model, self.model.get_encoder(), self.model.config.d_model

        def read(ids: torch.Tensor, mask: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
            """Keys and values of the prompt; the compiler leaves out what else a decoder does for its first token."""
            cache: Any = empty_cache()
            encoded = encoder(input_ids=ids, attention_mask=mask)
            model(
                encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=ids[:, :1], past_key_values=cache,
                use_cache=True,
            )  # fmt: skip
            return [(layer.keys, layer.values) for layer in cache.cross_attention_cache.layers]

        def append(ids: torch.Tensor, cache: Cache, mask: torch.Tensor) -> Any:
            encoded = mask.new_zeros((*mask.shape, width), dtype=model.dtype)  # only its shape is looked at
            return model(
                encoder_outputs=(encoded,), attention_mask=mask, decoder_input_ids=ids, past_key_values=cache,
                use_cache=True,
            ).logits  # fmt: skip

        return read if name == "read" else append
