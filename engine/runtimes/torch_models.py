"""Models as the torch runtimes hold them: loaded, laid over the devices, weighed."""

from __future__ import annotations

import gc
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, EncoderDecoderCache

from engine.checkpoint.load import load_model
from engine.runtimes.base import Floats, OpenRequest, Session, TextBatch
from engine.runtimes.limits import context_length, ending_tokens


def place_model(folder: Path, device: str, split: str, dtype: torch.dtype | None = None) -> Any:
    """The model in `folder`, in evaluation mode, on `device` or with its layers spread over all GPUs ("balanced").

    Packed grids come out dense. Spreading follows accelerate: layers stay whole, GPUs get equal shares of memory.
    """
    spread = split == "balanced" and device == "cuda" and torch.cuda.device_count() > 1
    model = load_model(folder, dtype=dtype, device="cpu" if spread else device)
    if spread:
        from accelerate import dispatch_model, infer_auto_device_map
        from accelerate.utils import get_balanced_memory

        whole = list(getattr(model, "_no_split_modules", None) or ())
        budget = get_balanced_memory(model, no_split_module_classes=whole)
        model = dispatch_model(model, infer_auto_device_map(model, max_memory=budget, no_split_module_classes=whole))
    return model


def weights_read(model: Any) -> int:
    """Bytes of the weights that one token of a decoder reads: all but an untied input embedding, of which it reads a
    row. For an encoder all weights. Tied tensors count once."""
    tensors = {t.data_ptr(): t.numel() * t.element_size() for t in model.parameters() if t.numel()}
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if embedding is not None and head is not None and head.weight.data_ptr() != embedding.weight.data_ptr():
        tensors.pop(embedding.weight.data_ptr(), None)
    return sum(tensors.values())


class TorchSession(Session):
    """What the eager and the compiled session share: setup, encoder inputs, conversions, closing.

    Attributes:
        model: the transformers model.
    """

    def __init__(self, request: OpenRequest, dtype: torch.dtype | None = None) -> None:
        self.folder, self.device = request.folder, request.device
        self.task, self.runtime = request.artefact.task, request.artefact.runtime
        self._threads = request.threads
        self._use_threads()
        self.model: Any = place_model(request.folder, request.device, request.artefact.target.split, dtype)
        self.weight_bytes = weights_read(self.model)
        self.eos = ending_tokens(request.folder)
        self.context_length = context_length(request.folder)
        self._input_device = self.model.get_input_embeddings().weight.device
        self._base = self.model.base_model
        self._encoder_inputs = frozenset(inspect.signature(self._base.forward).parameters)

    def close(self) -> None:
        """Free the weights and the sequence."""
        self.model = self._base = None
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def _use_threads(self) -> None:
        """torch's thread count belongs to the process, so that two open sessions take turns at setting it."""
        if torch.get_num_threads() != self._threads:
            torch.set_num_threads(self._threads)

    def _tensor(self, ids: Any) -> torch.Tensor:
        return torch.from_numpy(ids).to(self._input_device)

    def _batch(self, batch: TextBatch) -> dict[str, torch.Tensor]:
        inputs = {"input_ids": self._tensor(batch.input_ids), "attention_mask": self._tensor(batch.attention_mask)}
        if batch.token_type_ids is not None and "token_type_ids" in self._encoder_inputs:
            inputs["token_type_ids"] = self._tensor(batch.token_type_ids)
        return inputs


def empty_cache() -> EncoderDecoderCache:
    """A cache of an encoder-decoder that grows: Transformers' own default has as many layers as the *encoder*."""
    return EncoderDecoderCache(DynamicCache(), DynamicCache())


def floats(tensor: torch.Tensor) -> Floats:
    """`tensor` as a float32 array on the CPU."""
    array: Floats = tensor.float().cpu().numpy()
    return np.ascontiguousarray(array)


def require_task(session: Session, *tasks: str) -> None:
    """Raise TypeError where the model is for another task."""
    if session.task not in tasks:
        raise TypeError(f"a {session.task} model does not do this")
