"""An open encoder-decoder of ONNX Runtime: keys and values of the prompt made once, those of the answer grown."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort

from engine.runtimes.base import Floats, Ids, OpenRequest
from engine.runtimes.limits import context_length, ending_tokens
from engine.runtimes.onnx_runtime.limits import DECODER, ENCODER
from engine.runtimes.onnx_runtime.session import inference_session
from engine.runtimes.text2text import Text2TextSession


class OnnxText2TextSession(Text2TextSession):
    """Encoder and decoder graph on the CPU. What one gives the other takes without a copy.

    `profile` as in `inference_session`, a file for each.

    Attributes:
        encoder, decoder: ONNX Runtime's sessions.
    """

    def __init__(self, request: OpenRequest, profile: str = "") -> None:
        self.folder, self.task, self.runtime = request.folder, request.artefact.task, request.artefact.runtime
        self.device, self.weight_bytes = request.device, request.artefact.weight_bytes
        self.eos, self.context_length = ending_tokens(request.folder), context_length(request.folder)
        self.set_up_answers(request.folder)
        self.encoder: Any
        self.decoder: Any
        self.encoder, self.decoder = (
            inference_session(request.folder, request.threads, request.device, name, profile and f"{profile}-{name}")
            for name in (ENCODER, DECODER)
        )
        self._cross = [value.name for value in self.encoder.get_outputs()]
        self._outputs = [value.name for value in self.decoder.get_outputs()]
        self._past = {value.name: value.shape for value in self.decoder.get_inputs() if value.name.startswith("past.")}
        self._feeds: dict[str, Any] = {}  # what the decoder is given: mask, keys and values

    def close(self) -> None:
        """Free the weights and what was read."""
        self._feeds = {}
        self.encoder = self.decoder = None

    def _read_prompt(self, ids: Ids, mask: Ids | None) -> None:
        real = _value(np.ones_like(ids) if mask is None else mask)
        found = self.encoder.run_with_ort_values(self._cross, {"input_ids": _value(ids), "attention_mask": real})
        self._feeds = {"attention_mask": real, **dict(zip(self._cross, found, strict=True))}
        for name, (_, heads, _, width) in self._past.items():
            self._feeds[name] = _value(np.zeros((len(ids), heads, 0, width), dtype=np.float32))

    def _append(self, ids: Ids) -> Floats:
        self._feeds["input_ids"] = _value(ids)
        logits, *present = self.decoder.run_with_ort_values(self._outputs, self._feeds)
        for name, value in zip(self._outputs[1:], present, strict=True):
            self._feeds[name.replace("present.", "past.")] = value
        result: Floats = logits.numpy()
        return result

    def _forget(self, count: int) -> None:
        for name in self._past:
            self._feeds[name] = _value(self._feeds[name].numpy()[:, :, :-count])


def _value(array: Any) -> Any:
    """`array` as ONNX Runtime holds it; the bytes stay where they are if they lie in order."""
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
