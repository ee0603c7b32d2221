"""An open ONNX Runtime model: weights mapped from disk, a key-value cache that grows in place, no copy per token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from engine.runtimes.base import Floats, Ids, OpenRequest, Session, TextBatch
from engine.runtimes.encoder_calls import EncoderCalls
from engine.runtimes.limits import context_length, ending_tokens
from engine.runtimes.onnx_runtime.cache import cache_of
from engine.runtimes.onnx_runtime.limits import MODEL


def inference_session(folder: Path, threads: int, device: str, name: str = MODEL, profile: str = "") -> Any:
    """The graph `name` in `folder` on `threads` CPU threads, or on CUDA with the CPU for what CUDA lacks.

    `profile`: how the name of a file begins that the time of every node is written to.
    """
    options = ort.SessionOptions()
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Threads spin inside a run, where it saves wake-ups, and rest between runs, where they would slow others down.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 3
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if device == "cuda" else ["CPUExecutionProvider"]
    return ort.InferenceSession(str(folder / name), options, providers=providers)


class OnnxSession(Session):
    """What decoders and encoders share.

    Attributes:
        graph: ONNX Runtime's session.
    """

    def __init__(self, request: OpenRequest, profile: str = "") -> None:
        self.folder, self.task, self.runtime = request.folder, request.artefact.task, request.artefact.runtime
        self.device, self.weight_bytes = request.device, request.artefact.weight_bytes
        self.eos, self.context_length = ending_tokens(request.folder), context_length(request.folder)
        self.graph: Any = inference_session(request.folder, request.threads, request.device, profile=profile)

    def close(self) -> None:
        """Free the weights."""
        self.graph = None


class DecoderSession(OnnxSession):
    """A decoder. Keys and values are appended to the cache where it lies."""

    def __init__(self, request: OpenRequest, profile: str = "") -> None:
        super().__init__(request, profile)
        self._cache = cache_of(self.graph, request.folder, request.device, self.context_length)
        output = next(value for value in self.graph.get_outputs() if value.name == "logits")
        self._vocabulary = int(output.shape[-1])
        self._logits_type: Any = np.float16 if "float16" in output.type else np.float32
        # The second binding lacks the logits: all but the last token of a prompt need no output head.
        self._binding: Any = self.graph.io_binding()
        self._headless: Any = self.graph.io_binding()
        self._to_cache = ort.RunOptions()
        self._to_cache.only_execute_path_to_fetches = True

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T], padded left where `mask` is 0; the last position's logits, [B, V]."""
        self._start(ids)
        before, last = ids[:, :-1], ids[:, -1:]
        if mask is not None and not mask.all():
            before = self._cache.pad(before, mask[:, :-1])
        if ids.shape[1] > 1:
            self._append(before)
        return self._append_read(last)[:, 0]

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        return self._append_read(ids[:, None])[:, 0]

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        if len(ids) == 1 or ids.shape[1] == 1 or self._cache.several:
            return self._append_read(ids)
        return np.stack([self.decode(column) for column in ids.T], axis=1)

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        self._cache.length -= count

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]. Leaves no sequence open."""
        self._start(ids)
        logits = self._append_read(ids)
        self._cache.length = 0
        return logits

    def close(self) -> None:
        """Free the weights and the cache."""
        self._binding = self._headless = None
        self._cache.free()
        super().close()

    def _start(self, ids: Ids) -> None:
        if self._cache.start(*ids.shape):
            self._bind_cache()

    def _bind_cache(self) -> None:
        self._cache.bind(self._binding)
        self._cache.bind(self._headless)

    def _append(self, ids: Ids) -> None:
        """Run `ids` [B, T] after what the cache holds, for the cache alone."""
        self._bind_inputs(self._headless, ids)
        self.graph.run_with_iobinding(self._headless, self._to_cache)
        self._cache.length += ids.shape[1]

    def _append_read(self, ids: Ids) -> Floats:
        """Run `ids` [B, T] after what the cache holds; the logits, [B, T, V]."""
        self._bind_inputs(self._binding, ids)
        logits = np.empty((*ids.shape, self._vocabulary), self._logits_type)
        self._binding.bind_output("logits", "cpu", 0, self._logits_type, logits.shape, logits.ctypes.data)
        self.graph.run_with_iobinding(self._binding)
        self._cache.length += ids.shape[1]
        return logits.astype(np.float32, copy=False)

    def _bind_inputs(self, binding: Any, ids: Ids) -> None:
        if self._cache.reserve(ids.shape[1]):
            self._bind_cache()
        binding.bind_cpu_input("input_ids", np.ascontiguousarray(ids))
        for name, array in self._cache.feeds(ids.shape[1]).items():
            binding.bind_cpu_input(name, array)


class EncoderSession(EncoderCalls, OnnxSession):
    """An encoder: hidden states, class logits, or logits of masked tokens."""

    def __init__(self, request: OpenRequest, profile: str = "") -> None:
        super().__init__(request, profile)
        self._inputs = frozenset(value.name for value in self.graph.get_inputs())

    def _run(self, output: str, batch: TextBatch) -> Floats:
        feeds = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        if "token_type_ids" in self._inputs:
            types = batch.token_type_ids
            feeds["token_type_ids"] = np.zeros_like(batch.input_ids) if types is None else types
        result: Floats = self.graph.run([output], feeds)[0]
        return result


def open_session(request: OpenRequest, *, profile: str = "") -> Session:
    """Open the artefact of `request`; `profile` as in `inference_session`."""
    if request.artefact.task == "text2text-generation":
        from engine.runtimes.onnx_runtime.text2text_session import OnnxText2TextSession

        return OnnxText2TextSession(request, profile)
    if request.artefact.task == "text-generation":
        return DecoderSession(request, profile)
    return EncoderSession(request, profile)
