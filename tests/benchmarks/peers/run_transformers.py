"""Transformers: forward calls with a key-value cache, a little quicker than `generate`; optionally compiled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from child import serve
from transformers import AutoModelForCausalLM, DynamicCache, StaticCache


class TransformersModel:
    """The checkpoint in `folder`, its weights in `dtype`.

    With `room` positions the decoding step is compiled over a static cache of that length (fullgraph, fixed shapes,
    inductor's freezing); a prompt is read uncompiled.
    """

    packages = ("torch", "transformers")

    def __init__(self, folder: str, threads: int, dtype: str, room: int | None = None) -> None:
        torch.set_num_threads(threads)
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
        weights = {p.data_ptr(): p.numel() * p.element_size() for p in self._model.parameters()}
        embedding, head = self._model.get_input_embeddings().weight, self._model.get_output_embeddings().weight
        if embedding.data_ptr() != head.data_ptr():
            weights.pop(embedding.data_ptr())  # of this table a token reads one row
        self.weight_bytes = sum(weights.values())
        self._room = room
        self._step: Any = self._model
        if room is not None:
            options = {"freezing": True}
            self._step = torch.compile(self._model.forward, fullgraph=True, dynamic=False, options=options)
            self._static = StaticCache(config=self._model.config, max_cache_len=room)

    @torch.inference_mode()
    def answer(self, ids: list[int], new: int) -> Iterator[int]:
        """Continue `ids` greedily."""
        if self._room is None:
            cache: Any = DynamicCache(config=self._model.config)
        else:
            cache = self._static
            cache.reset()
        output = self._model(torch.tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=1)
        for index in range(new):
            token = int(output.logits[0, -1].argmax())
            yield token
            if index < new - 1:
                place = {} if self._room is None else {"position_ids": torch.tensor([[len(ids) + index]])}
                output = self._step(
                    input_ids=torch.tensor([[token]]), past_key_values=cache, use_cache=True, logits_to_keep=1, **place
                )

    @torch.inference_mode()
    def logits(self, ids: list[int]) -> np.ndarray:
        """The logits of every position, float32 [T, V]."""
        return self._model(torch.tensor([ids]), use_cache=False).logits[0].float().numpy()


if __name__ == "__main__":
    serve(TransformersModel)
