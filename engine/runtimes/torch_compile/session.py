"""An open model compiled by torch.compile: few graphs of fixed shapes, translated before the first token."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from transformers import Cache
from transformers.cache_utils import StaticLayer

from engine.runtimes.base import Floats, Ids, OpenRequest, TextBatch
from engine.runtimes.torch_compile.graphs import FEW, SHORT, CompiledGraphs, power
from engine.runtimes.torch_compile.text2text import CompiledText2TextSession
from engine.runtimes.torch_models import floats, require_task

# A prompt is read in pieces of these lengths, so that two graphs serve every prompt; the last piece is padded.
LONG = 128
ENCODERS = ("feature-extraction", "text-classification", "token-classification", "fill-mask")


class CompiledSession(CompiledGraphs):
    """Decoders: one graph for a token and two for pieces of a prompt, over a static key-value cache.

    Encoders: one graph for each padded shape, lengths and batch sizes rounded up to powers of two. Batch sizes other
    than 1, padded batches and appending several tokens compile when they first occur.
    """

    continues = False  # each width that is appended is compiled first

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        self._caches: dict[int, Any] = {}
        self._rows = self._length = 0
        self._padding: torch.Tensor | None = None  # [B] padded positions left of each row
        self._warm_up(request)

    # Decoders -------------------------------------------------------------------------------------------------

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T], padded left where `mask` is 0; the last position's logits, [B, V]."""
        require_task(self, "text-generation")
        self._start(ids, mask)
        logits = None
        for piece, count in self._pieces(ids, (SHORT, self._long)):
            logits = self._append("read", piece, torch.tensor([count - 1], device=self._input_device))
            self._set_length(self._length + count)
        assert logits is not None
        return floats(logits[:, -1])

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        self._require_room(self._length + 1)
        logits = self._append("write", self._tensor(ids)[:, None])
        self._length += 1  # the graph counts for the cache itself
        return floats(logits[:, -1])

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        self._require_room(self._length + ids.shape[1])
        found = []
        for piece, count in self._pieces(ids, (FEW, SHORT)):
            if self._length + piece.shape[1] > self._room:  # padding would not fit behind the last tokens
                found += [self.decode(column)[:, None] for column in piece[:, :count].T.cpu().numpy()]
                continue
            found.append(floats(self._append("score", piece))[:, :count])
            self._set_length(self._length + count)
        return np.concatenate(found, axis=1)

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        self._set_length(self._length - count)

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]."""
        if self.task == "fill-mask":
            return self._encode("logits", TextBatch(ids, np.ones_like(ids)))
        require_task(self, "text-generation")
        self._start(ids)
        found = []
        for piece, count in self._pieces(ids, (SHORT, self._long)):
            found.append(floats(self._append("score", piece))[:, :count])
            self._set_length(self._length + count)
        return np.concatenate(found, axis=1)

    # Encoders -------------------------------------------------------------------------------------------------

    def hidden(self, batch: TextBatch) -> Floats:
        """The last hidden states of an encoder, [B, T, H]."""
        require_task(self, *ENCODERS)
        return self._encode("hidden", batch)

    def classify(self, batch: TextBatch) -> Floats:
        """The class logits, [B, C]."""
        require_task(self, "text-classification")
        return self._encode("classes", batch)

    def tag(self, batch: TextBatch) -> Floats:
        """The class logits of every token, [B, T, C]."""
        require_task(self, "token-classification")
        return self._encode("logits", batch)

    def padded(self, length: int) -> int:
        """A power of two, or all that the model holds."""
        return min(power(length, SHORT), max(self.context_length, length))

    def close(self) -> None:
        """Free weights, cache and machine code."""
        self._caches.clear()
        super().close()

    # The graphs -----------------------------------------------------------------------------------------------

    def _function(self, name: str) -> Callable[..., torch.Tensor]:
        model, base = self.model, self._base
        if name == "hidden":
            return lambda **inputs: base(**inputs).last_hidden_state
        if name in ("classes", "logits"):
            return lambda **inputs: model(**inputs).logits
        trims = "logits_to_keep" in inspect.signature(model.forward).parameters

        def forward(ids: torch.Tensor, cache: Cache, keep: torch.Tensor | None, **more: torch.Tensor) -> torch.Tensor:
            named = {"logits_to_keep": keep} if trims and keep is not None else {}
            logits = model(input_ids=ids, past_key_values=cache, use_cache=True, **named, **more).logits
            assert isinstance(logits, torch.Tensor)
            return logits if trims or keep is None else logits[:, keep]

        return forward

    def _warm_up(self, request: OpenRequest) -> None:
        """Translate every graph that batch size 1 needs."""
        one = np.zeros((1, SHORT), dtype=np.int64)
        if self.task == "text-generation":
            work: list[tuple[str, Callable[[], Any]]] = [
                ("Compiling long prompts", lambda: self.prefill(np.zeros((1, self._long), dtype=np.int64))),
                ("Compiling short prompts", lambda: self.prefill(one[:, :8])),
                ("Compiling decoding", lambda: self.decode(one[:, 0])),
            ]
        else:
            logits = {"token-classification": "logits", "fill-mask": "logits"}
            kind = {"text-classification": "classes", **logits}.get(self.task, "hidden")
            work = [("Compiling", lambda: self._encode(kind, TextBatch(one, np.ones_like(one))))]
        self._compile(request, work)

    # Sequences ------------------------------------------------------------------------------------------------

    @property
    def _long(self) -> int:
        return min(LONG, self.context_length)

    @property
    def _room(self) -> int:
        """Positions of the cache: enough whole pieces for the longest text."""
        return -(-self.context_length // self._long) * self._long

    def _start(self, ids: Ids, mask: Ids | None = None) -> None:
        """Begin an empty sequence for `ids` [B, T], padded where `mask` is 0."""
        rows, length = ids.shape
        self._require_room(length)
        self._rows = rows
        self._padding = None
        if mask is not None and not mask.all():
            self._padding = self._tensor(length - mask.sum(axis=1))
        self._set_length(0)

    def _append(self, graph: str, ids: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        """Run `ids` [B, T] behind what the cache holds."""
        padding = {}
        if self._padding is not None:
            columns = torch.arange(self._room, device=self._input_device)
            positions = torch.arange(self._length, self._length + ids.shape[1], device=self._input_device)
            padding = {
                "attention_mask": (columns >= self._padding[:, None]).long(),
                "position_ids": (positions - self._padding[:, None]).clamp(min=0),
            }
        logits: torch.Tensor = self._run(graph, ids, self._cache(self._rows), keep, **padding)
        return logits

    def _pieces(self, ids: Ids, widths: tuple[int, int]) -> Iterator[tuple[torch.Tensor, int]]:
        """`ids` [B, T] in pieces padded to one of two `widths`, with the number of real tokens in each.

        Padding stands right of the real tokens and causal attention never looks right; what follows overwrites it.
        """
        rows, length = ids.shape
        narrow, wide = widths
        begin = 0
        while begin < length:
            left = length - begin
            width = narrow if left <= narrow < wide else wide
            piece = np.zeros((rows, width), dtype=np.int64)
            piece[:, : min(left, width)] = ids[:, begin : begin + width]
            yield self._tensor(piece), min(left, width)
            begin += width

    def _cache(self, rows: int) -> Any:
        """The static cache for batches of `rows`, allocated on first use with the shapes the model really has."""
        if rows not in self._caches:
            config = self.model.config.get_text_config(decoder=True)
            cache: Any = Cache(layers=[StaticLayer(max_cache_len=self._room) for _ in range(config.num_hidden_layers)])
            with torch.no_grad():
                self.model(
                    input_ids=torch.zeros((rows, 1), dtype=torch.int64, device=self._input_device),
                    past_key_values=cache, use_cache=True,
                )  # fmt: skip
            cache.reset()
            self._caches[rows] = cache
        return self._caches[rows]

    def _set_length(self, length: int) -> None:
        self._length = length
        for layer in self._cache(self._rows).layers:
            layer.cumulative_length.fill_(length)

    # Encoders -------------------------------------------------------------------------------------------------

    def _encode(self, name: str, batch: TextBatch) -> Floats:
        """Graph `name` on `batch`, padded to powers of two; the padding cut off again."""
        rows, length = batch.input_ids.shape
        shape = (power(rows, 1), self.padded(length))

        def padded(values: Ids, fill: int) -> Ids:
            out = np.full(shape, fill, dtype=np.int64)
            out[:rows, :length] = values
            return out

        mask = padded(batch.attention_mask, 0)
        mask[rows:, 0] = 1  # a row without any token would divide by zero
        kinds = None if batch.token_type_ids is None else padded(batch.token_type_ids, 0)
        ids = padded(batch.input_ids, getattr(self.model.config, "pad_token_id", None) or 0)
        found = floats(self._run(name, **self._batch(TextBatch(ids, mask, kinds))))[:rows]
        return found if name == "classes" else np.ascontiguousarray(found[:, :length])


def open_session(request: OpenRequest) -> CompiledGraphs:
    """Open the artefact of `request`, compiling it. Raises UserError when the architecture cannot be compiled."""
    if request.artefact.task == "text2text-generation":
        return CompiledText2TextSession(request)
    return CompiledSession(request)
