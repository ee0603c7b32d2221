"""An open encoder-decoder of OpenVINO: what a prompt gives is made once, what an answer gives is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.runtimes.base import Floats, Ids, OpenRequest
from engine.runtimes.openvino.library import ov
from engine.runtimes.openvino.session import OpenVinoSession
from engine.runtimes.openvino.settings import Settings
from engine.runtimes.text2text import Text2TextSession

ENCODER_INPUTS = frozenset({"input_ids", "attention_mask"})


class OpenVinoText2TextSession(Text2TextSession, OpenVinoSession):
    """Both halves of the graph, compiled apart. What the encoder gives, the decoder takes without a copy.

    Attributes:
        encoder, decoder: OpenVINO's inference requests.
    """

    def __init__(self, request: OpenRequest, settings: Settings | None = None, profile: bool = False) -> None:
        super().__init__(request, settings, profile)
        self.set_up_answers(request.folder)
        encoder, decoder = _halves(self._read())
        self.encoder, self.decoder = self._request(encoder), self._request(decoder)
        self._cross = [port.any_name for port in encoder.outputs]
        self._rows = self._length = 0  # of the open answer, its start counted

    def close(self) -> None:
        """Free the weights and what was read."""
        self.encoder = self.decoder = None

    def _read_prompt(self, ids: Ids, mask: Ids | None) -> None:
        self._require_room(ids.shape[1])
        real = np.ones_like(ids) if mask is None else np.ascontiguousarray(mask)
        self.encoder.infer({"input_ids": np.ascontiguousarray(ids), "attention_mask": real}, share_outputs=True)
        for name in self._cross:
            self.decoder.set_tensor(name.replace("cross.", "encoder."), self.encoder.get_tensor(name))
        self.decoder.set_tensor("encoder_attention_mask", ov.Tensor(real))
        self.decoder.set_tensor("beam_idx", ov.Tensor(np.arange(len(ids), dtype=np.int32)))
        self.decoder.reset_state()
        self._length = 0

    def _append(self, ids: Ids) -> Floats:
        after = self._length + ids.shape[1]
        self._require_room(after)
        self.decoder.set_tensor("decoder_input_ids", ov.Tensor(np.ascontiguousarray(ids)))
        self.decoder.set_tensor("decoder_positions", ov.Tensor(np.arange(self._length, after, dtype=np.int64)))
        self.decoder.infer(share_outputs=True)
        self._length = after
        logits: Floats = self.decoder.get_tensor("logits").data.copy()
        return logits

    def _require_room(self, length: int) -> None:
        """Beyond its last position a model would read rows that its table does not have."""
        if length > self.context_length:
            raise ValueError(f"the text would reach {length} tokens; the model holds {self.context_length}")

    def _forget(self, count: int) -> None:
        self._length -= count
        for state in self.decoder.query_state():
            state.state = ov.Tensor(np.ascontiguousarray(state.state.data[:, :, : self._length]))


def _halves(model: Any) -> tuple[Any, Any]:
    """Encoder and decoder of `model`, as models of their own over its weights."""
    prompt = [node for node in model.get_parameters() if node.output(0).any_name in ENCODER_INPUTS]
    answer = [node for node in model.get_parameters() if node.output(0).any_name not in ENCODER_INPUTS]
    logits = [node for node in model.get_results() if node.output(0).any_name == "logits"]
    cross = [node for node in model.get_results() if node.output(0).any_name != "logits"]
    return ov.Model(cross, prompt, "encoder"), ov.Model(logits, model.get_sinks(), answer, "decoder")
