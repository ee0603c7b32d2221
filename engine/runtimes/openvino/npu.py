"""Models on an Intel NPU, whose programs have fixed sizes: one text at a time, and lengths that are made beforehand.

A decoder is run by the part of OpenVINO's NPU plugin that OpenVINO GenAI uses as well: it makes one program that reads
a prompt and one that appends a token, and keeps keys and values between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.protocol.errors import UserError
from engine.runtimes.base import Floats, Ids, OpenRequest, TextBatch
from engine.runtimes.openvino.limits import NPU_ANSWER, NPU_PROMPT
from engine.runtimes.openvino.session import EncoderSession, OpenVinoSession
from engine.runtimes.openvino.settings import Settings

_LEAST = 32  # tokens of an encoder's shortest program; each next is twice as long


class NpuDecoderSession(OpenVinoSession):
    """A decoder. What is taken back is not: the sequence is read anew when it goes on."""

    continues = False

    def __init__(self, request: OpenRequest, settings: Settings | None = None) -> None:
        super().__init__(request, settings)
        prompt = min(self.context_length, NPU_PROMPT)
        self.context_length = min(self.context_length, NPU_PROMPT + NPU_ANSWER)
        self._config |= {
            "NPU_USE_NPUW": "YES",
            "NPUW_LLM": "YES",
            "NPUW_LLM_MAX_PROMPT_LEN": str(prompt),
            "NPUW_LLM_MIN_RESPONSE_LEN": str(max(1, self.context_length - prompt)),
        }
        self._prompt = prompt
        self._model: Any = self._request(self._read())
        self._ids = np.zeros(0, np.int64)  # the open sequence
        self._read_before = 0  # tokens of it that the model has read

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [1, T]; the logits of the last position, [1, V]."""
        self._start(ids if mask is None else ids[:, mask[0] == 1])
        return self._append_read()[-1:]

    def decode(self, ids: Ids) -> Floats:
        """Append one token, `ids` [1]; the logits for the next, [1, V]."""
        return self.extend(ids[:, None])[:, 0]

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [1, T] to the open sequence, one by one; the logits after each of them, [1, T, V]."""
        if not len(self._ids):
            raise ValueError("no sequence is open")
        found = []
        for token in ids[0]:
            self._ids = np.append(self._ids, token)
            found.append(self._append_read()[-1])
        return np.stack(found)[None]

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        if not 0 <= count < len(self._ids):
            raise ValueError(f"the sequence has {len(self._ids)} positions; {count} cannot be taken back")
        if count:
            self._ids, self._read_before = self._ids[:-count], 0

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T], a token at a time: [B, T, V]. Leaves no sequence open."""
        found = []
        for row in ids:
            self._start(row[None, :1])
            found.append(np.concatenate([self._append_read()[None], self.extend(row[None, 1:])], 1))
        self._start(ids[:1, :0])
        return np.concatenate(found)

    def close(self) -> None:
        """Free the weights and the cache."""
        self._model = None

    def _start(self, ids: Ids) -> None:
        if len(ids) != 1:
            raise UserError("An Intel NPU reads one text at a time.", "Ask for one text at once, or use the CPU.")
        self._ids, self._read_before = ids[0], 0

    def _append_read(self) -> Floats:
        """Read what of the sequence was not read yet; the logits after its last token, [1, V]."""
        total = len(self._ids)
        if total > self.context_length:
            raise ValueError(f"the sequence would reach {total} tokens; the model holds {self.context_length}")
        while self._read_before < total:
            end = self._read_before + 1 if self._read_before else min(total, self._prompt)
            logits = self._run(self._read_before, end)
            self._read_before = end
        return logits

    def _run(self, start: int, end: int) -> Floats:
        """Run tokens `start` to `end` of the sequence; a start at 0 begins a new cache."""
        outputs = self._model.infer(
            {
                "input_ids": np.ascontiguousarray(self._ids[None, start:end]),
                "attention_mask": np.ones((1, end), np.int64),
                "position_ids": np.arange(start, end, dtype=np.int64)[None],
            }
        )
        logits: Floats = outputs["logits"][:, -1].astype(np.float32)
        return logits


class NpuEncoderSession(EncoderSession):
    """An encoder: each text is padded to the next length that there is a program for, which is made on first use."""

    def __init__(self, request: OpenRequest, settings: Settings | None = None) -> None:
        OpenVinoSession.__init__(self, request, settings)
        self._requests = {}

    def padded(self, length: int) -> int:
        """The next doubling of the least length, or all that the model holds."""
        size = _LEAST
        while size < length:
            size *= 2
        return max(min(size, self.context_length), length)

    def _run(self, output: str, batch: TextBatch) -> Floats:
        rows, length = batch.input_ids.shape
        size = self.padded(length)
        request = self._sized(output, size)
        found = []
        for row in range(rows):
            feeds = {"input_ids": batch.input_ids[row], "attention_mask": batch.attention_mask[row]}
            if any("token_type_ids" in port.get_names() for port in request.model_inputs):
                types = batch.token_type_ids
                feeds["token_type_ids"] = np.zeros_like(batch.input_ids[row]) if types is None else types[row]
            padded = {name: np.pad(ids, (0, size - length))[None] for name, ids in feeds.items()}
            found.append(request.infer(padded)[output][0].astype(np.float32))
        result = np.stack(found)
        return result[:, :length] if result.ndim == 3 else result

    def _sized(self, output: str, length: int) -> Any:
        key = f"{output} {length}"
        if key not in self._requests:
            model = self._outputs_only(output)
            model.reshape({port.any_name: [1, length] for port in model.inputs})
            self._requests[key] = self._request(model)
        return self._requests[key]
