"""An open Transformers model: a thin layer, so that the baseline is measured and not the layer."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from transformers import DynamicCache

from engine.runtimes.base import Floats, Ids, OpenRequest, TextBatch
from engine.runtimes.torch_models import TorchSession, floats, require_task
from engine.runtimes.transformers_eager.text2text import EagerText2TextSession


class EagerSession(TorchSession):
    """The model as Transformers runs it, with its dynamic key-value cache."""

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        self._cache: Any = None
        self._rewinds = False  # nobody has appended several tokens or taken any back
        self._mask: torch.Tensor | None = None  # of a padded batch, one column a position of the cache
        named = inspect.signature(self.model.forward).parameters
        self._trims, self._counts = "logits_to_keep" in named, "position_ids" in named
        if self.task == "text-generation":  # layers with a sliding window forget what slid out at every rewind
            layers = DynamicCache(config=self.model.config).layers
            self.continues = not any(hasattr(layer, "activate_past_recording") for layer in layers)

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T], padded left where `mask` is 0; the last position's logits, [B, V]."""
        require_task(self, "text-generation")
        self._cache, self._mask = None, None
        padded = mask is not None and not mask.all()
        logits = self._forward(self._tensor(ids), self._tensor(mask) if padded else None)[:, -1]
        if self._rewinds:  # layers with a sliding window keep then what slid out, until the next rewind
            self._cache.activate_past_recording()
        return logits

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        return self._forward(self._tensor(ids)[:, None])[:, -1]

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        self._cache.activate_past_recording()  # so that layers with a sliding window can be rewound
        self._rewinds = True
        return self._forward(self._tensor(ids), keep=ids.shape[1])

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        self._rewinds = True
        self._cache.crop(-count)
        if self._mask is not None:
            self._mask = self._mask[:, : self._mask.shape[1] - count]

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]."""
        require_task(self, "text-generation", "fill-mask")
        self._use_threads()
        self._cache = None
        kind = {"use_cache": False} if self.task == "text-generation" else {}
        with torch.inference_mode():
            return floats(self.model(input_ids=self._tensor(ids), **kind).logits)

    def hidden(self, batch: TextBatch) -> Floats:
        """The last hidden states of an encoder, [B, T, H]."""
        require_task(self, "feature-extraction", "text-classification", "token-classification", "fill-mask")
        self._use_threads()
        with torch.inference_mode():
            return floats(self._base(**self._batch(batch)).last_hidden_state)

    def classify(self, batch: TextBatch) -> Floats:
        """The class logits, [B, C]."""
        require_task(self, "text-classification")
        return self._logits_of(batch)

    def tag(self, batch: TextBatch) -> Floats:
        """The class logits of every token, [B, T, C]."""
        require_task(self, "token-classification")
        return self._logits_of(batch)

    def _logits_of(self, batch: TextBatch) -> Floats:
        self._use_threads()
        with torch.inference_mode():
            return floats(self.model(**self._batch(batch)).logits)

    def close(self) -> None:
        """Free the weights and the key-value cache."""
        self._cache = self._mask = None
        super().close()

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor | None = None, keep: int = 1) -> Floats:
        """Append `ids` [B, T] to the cache, padded where `mask` is 0; the logits of the last `keep`, [B, keep, V]."""
        self._use_threads()
        named = {"logits_to_keep": keep} if self._trims else {}
        with torch.inference_mode():
            output = self.model(
                input_ids=ids, past_key_values=self._cache, use_cache=True, **named, **self._padding(ids, mask)
            )
            self._cache = output.past_key_values
            return floats(output.logits[:, -keep:])

    def _padding(self, ids: torch.Tensor, mask: torch.Tensor | None) -> dict[str, torch.Tensor]:
        """What tells the model which positions of a padded batch are real; empty where all are."""
        if mask is None and self._mask is None:
            return {}
        new = torch.ones_like(ids) if mask is None else mask
        self._mask = new if self._mask is None else torch.cat([self._mask, new], dim=1)
        inputs = {"attention_mask": self._mask}
        if self._counts:
            inputs["position_ids"] = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        return inputs


def open_session(request: OpenRequest) -> TorchSession:
    """Open the checkpoint or artefact of `request`."""
    if request.artefact.task == "text2text-generation":
        return EagerText2TextSession(request)
    return EagerSession(request)
