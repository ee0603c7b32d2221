"""An open Transformers encoder-decoder, as thin as the session of decoders beside it."""

from __future__ import annotations

from typing import Any

import torch

from engine.runtimes.base import Floats, Ids, OpenRequest
from engine.runtimes.text2text import Text2TextSession
from engine.runtimes.torch_models import TorchSession, empty_cache, floats


class EagerText2TextSession(Text2TextSession, TorchSession):
    """The model as Transformers runs it: the encoder once, the decoder with its dynamic cache, which keeps the keys
    and values of the prompt too."""

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        self.set_up_answers(request.folder)
        self._encoder: Any = self.model.get_encoder()
        self._encoded: Any = None
        self._mask: torch.Tensor | None = None
        self._cache: Any = None

    def close(self) -> None:
        """Free the weights and what was read."""
        self._encoder = self._encoded = self._mask = self._cache = None
        super().close()

    def _read_prompt(self, ids: Ids, mask: Ids | None) -> None:
        self._use_threads()
        self._mask = None if mask is None else self._tensor(mask)
        self._cache = empty_cache()
        with torch.inference_mode():
            self._encoded = self._encoder(input_ids=self._tensor(ids), attention_mask=self._mask)

    def _append(self, ids: Ids) -> Floats:
        self._use_threads()
        with torch.inference_mode():
            output = self.model(
                encoder_outputs=self._encoded, attention_mask=self._mask, decoder_input_ids=self._tensor(ids),
                past_key_values=self._cache, use_cache=True,
            )  # fmt: skip
            return floats(output.logits)

    def _forget(self, count: int) -> None:
        self._cache.crop(-count)
