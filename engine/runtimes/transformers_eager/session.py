"""An open Transformers model: a thin layer, so that the baseline is measured and not the layer."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from engine.runtimes.base import Floats, Ids, OpenRequest, TextBatch
from engine.runtimes.torch_models import TorchSession, floats, require_task


class EagerSession(TorchSession):
    """The model as Transformers runs it, with its dynamic key-value cache."""

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        self._cache: Any = None
        trims = "logits_to_keep" in inspect.signature(self.model.forward).parameters
        self._last_only = {"logits_to_keep": 1} if trims else {}

    def prefill(self, ids: Ids) -> Floats:
        """Start a new sequence with `ids` [B, T]; the logits of the last position, [B, V]."""
        require_task(self, "text-generation")
        self._cache = None
        return self._forward(self._tensor(ids))

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        return self._forward(self._tensor(ids)[:, None])

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
        require_task(self, "feature-extraction", "text-classification", "fill-mask")
        self._use_threads()
        with torch.inference_mode():
            return floats(self._base(**self._batch(batch)).last_hidden_state)

    def classify(self, batch: TextBatch) -> Floats:
        """The class logits, [B, C]."""
        require_task(self, "text-classification")
        self._use_threads()
        with torch.inference_mode():
            return floats(self.model(**self._batch(batch)).logits)

    def close(self) -> None:
        """Free the weights and the key-value cache."""
        self._cache = None
        super().close()

    def _forward(self, ids: torch.Tensor) -> Floats:
        self._use_threads()
        with torch.inference_mode():
            output = self.model(input_ids=ids, past_key_values=self._cache, use_cache=True, **self._last_only)
            self._cache = output.past_key_values
            return floats(output.logits[:, -1])


def open_session(request: OpenRequest) -> EagerSession:
    """Open the checkpoint or artefact of `request`."""
    return EagerSession(request)
