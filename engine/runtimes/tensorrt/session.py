"""An open TensorRT engine: inputs, outputs and the key-value cache lie in torch's CUDA memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.protocol.errors import UserError
from engine.runtimes.base import Floats, Ids, OpenRequest, Session, TextBatch
from engine.runtimes.encoder_calls import EncoderCalls
from engine.runtimes.limits import ending_tokens
from engine.runtimes.tensorrt.limits import PIECE
from engine.runtimes.tensorrt.seal import PLAN, SETTINGS, require_own

DEVICE = "cuda"
PREFILL, DECODE = 0, 1  # the engine's profiles; an encoder's only one is 0

Inputs = Mapping[str, tuple[tuple[int, ...], Tensor]]


class Engine:
    """A deserialised engine with one execution context for each of its profiles."""

    def __init__(self, trt: Any, plan: bytes) -> None:
        self._trt, self._runtime = trt, trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise UserError("TensorRT cannot read this engine.", "Run its recipe again.", code="runtime_unavailable")
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        count = self._engine.num_optimization_profiles
        self._contexts = [self._engine.create_execution_context() for _ in range(count)]
        for index, context in enumerate(self._contexts):
            context.set_optimization_profile_async(index, self._stream.cuda_stream)
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        self.outputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT]

    def run(self, profile: int, inputs: Inputs, into: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name for `inputs`: name -> (shape, the buffer whose first elements they are). Outputs named in
        `into` are written to the beginning of that buffer, the others, float32, to new tensors."""
        context = self._contexts[profile]
        for name, (shape, buffer) in inputs.items():
            context.set_input_shape(name, shape)
            context.set_tensor_address(name, buffer.data_ptr())
        made = {}
        for name in self.outputs:
            if name in into:
                buffer = into[name]
            else:
                buffer = torch.empty(tuple(context.get_tensor_shape(name)), dtype=torch.float32, device=DEVICE)
            made[name] = buffer
            context.set_tensor_address(name, buffer.data_ptr())
        self._stream.wait_stream(torch.cuda.current_stream())
        if not context.execute_async_v3(self._stream.cuda_stream):
            raise RuntimeError("TensorRT could not run the engine")
        self._stream.synchronize()
        return made


def open_engine(folder: Path) -> Engine:
    """The engine in `folder`. Raises UserError unless it was built here, for this GPU and this TensorRT."""
    import tensorrt as trt

    require_own(folder, torch.cuda.get_device_name(), trt.__version__)
    return Engine(trt, (folder / PLAN).read_bytes())


class TensorRTSession(Session):
    """What decoders and encoders share. Opens only engines that were built here, see `seal`."""

    def __init__(self, request: OpenRequest) -> None:
        self.folder, self.task, self.runtime = request.folder, request.artefact.task, request.artefact.runtime
        self.device, self.weight_bytes = "cuda", request.artefact.weight_bytes
        self.eos = ending_tokens(request.folder)
        text = (request.folder / SETTINGS).read_text(encoding="utf-8")
        self._settings: dict[str, Any] = json.loads(text)
        self.context_length = int(self._settings["longest"])
        self._engine: Any = open_engine(request.folder)

    def close(self) -> None:
        """Free the engine and its buffers."""
        self._engine = None
        torch.cuda.empty_cache()

    def _require(self, rows: int, length: int) -> None:
        if rows > self._settings["batch"] or length > self.context_length:
            raise UserError(
                f"The engine holds {self._settings['batch']} texts of {self.context_length} tokens, "
                f"not {rows} of {length}.",
                "Raise “Texts at once” or “Longest text” of TensorRT and run again.",
            )


class DecoderSession(TensorRTSession):
    """A decoder. Keys and values go from one buffer to the other with each call, the new ones behind the old."""

    def __init__(self, request: OpenRequest) -> None:
        super().__init__(request)
        sizes = self._settings
        self._rows = self._length = 0
        self._mask = self._padding = np.ones((0, 0), np.int64)
        count = sizes["batch"] * sizes["heads"] * sizes["positions"] * sizes["width"]
        names = [f"{part}_{index}" for index in range(sizes["layers"]) for part in ("keys", "values")]
        dtype = getattr(torch, sizes["cache"])
        self._past = {name: torch.zeros(count, dtype=dtype, device=DEVICE) for name in names}
        self._next = {name: torch.zeros(count, dtype=dtype, device=DEVICE) for name in names}

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence with `ids` [B, T]; the logits of the last position, [B, V]."""
        self._start(ids, mask)
        last = None
        for begin in range(0, ids.shape[1], PIECE):
            last = self._append(ids[:, begin : begin + PIECE])[:, -1]
        assert last is not None
        return _floats(last)

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row, `ids` [B]; the logits for the next, [B, V]."""
        return _floats(self._append(ids[:, None])[:, -1])

    def extend(self, ids: Ids) -> Floats:
        """Append `ids` [B, T] to the open sequence; the logits after each of them, [B, T, V]."""
        done, found = 0, []
        while done < ids.shape[1]:
            # past the last whole piece the engine reads tokens one by one
            whole = self._length + PIECE <= self._settings["positions"]
            step = ids[:, done : done + (PIECE if whole else 1)]
            found.append(_floats(self._append(step)))
            done += step.shape[1]
        return np.concatenate(found, axis=1)

    def rewind(self, count: int) -> None:
        """Forget the last `count` positions of the open sequence."""
        length = self._length - count
        if length < 0:
            raise ValueError(f"the sequence has {self._length} positions, not {count}")
        for name, buffer in self._past.items():
            kept = self._shaped(buffer, self._length)[:, :, :length]
            self._shaped(self._next[name], length).copy_(kept)
        self._past, self._next = self._next, self._past
        self._length, self._mask = length, self._mask[:, :length]

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position of `ids` [B, T]: [B, T, V]. Leaves no sequence open."""
        self._start(ids, None)
        parts = [_floats(self._append(ids[:, begin : begin + PIECE])) for begin in range(0, ids.shape[1], PIECE)]
        self._length = 0
        return np.concatenate(parts, axis=1)

    def close(self) -> None:
        """Free the engine and the cache."""
        self._past, self._next = {}, {}
        super().close()

    def _start(self, ids: Ids, mask: Ids | None) -> None:
        self._require(*ids.shape)
        self._rows, self._length = len(ids), 0
        self._padding = np.ones_like(ids) if mask is None else np.asarray(mask, np.int64)
        self._mask = self._padding[:, :0]

    def _append(self, ids: Ids) -> Tensor:
        """Run `ids` [B, T] after what the cache holds; the logits, [B, T, V], on the GPU."""
        rows, new = ids.shape
        total = self._length + new
        self._require(rows, total)
        fresh = self._padding[:, self._length : total]
        if fresh.shape[1] < new:
            fresh = np.ones((rows, new), np.int64)
        self._mask = np.concatenate([self._mask, fresh], axis=1)
        inputs = {"input_ids": _on_gpu(ids), "attention_mask": _on_gpu(self._mask)}
        shape = (rows, self._settings["heads"], self._length, self._settings["width"])
        inputs |= {f"past_{name}": (shape, buffer) for name, buffer in self._past.items()}
        into = {f"present_{name}": buffer for name, buffer in self._next.items()}
        made = self._engine.run(DECODE if new == 1 and self._length else PREFILL, inputs, into)
        self._past, self._next = self._next, self._past
        self._length = total
        logits: Tensor = made["logits"]
        return logits

    def _shaped(self, buffer: Tensor, length: int) -> Tensor:
        shape = (self._rows, self._settings["heads"], length, self._settings["width"])
        return buffer[: int(np.prod(shape))].view(shape)


class EncoderSession(EncoderCalls, TensorRTSession):
    """An encoder: hidden states, class logits, or logits of masked tokens."""

    def _run(self, output: str, batch: TextBatch) -> Floats:
        """`output` for `batch`, as many texts at once as the engine takes."""
        most = self._settings["batch"]
        found = []
        for begin in range(0, len(batch.input_ids), most):
            ids, mask = batch.input_ids[begin : begin + most], batch.attention_mask[begin : begin + most]
            self._require(*ids.shape)
            made = self._engine.run(PREFILL, {"input_ids": _on_gpu(ids), "attention_mask": _on_gpu(mask)}, {})
            found.append(_floats(made[output]))
        return np.concatenate(found)


def open_session(request: OpenRequest) -> TensorRTSession:
    """Open the artefact of `request`. Raises UserError for an engine that was not built here."""
    return DecoderSession(request) if request.artefact.task == "text-generation" else EncoderSession(request)


def _on_gpu(array: Ids) -> tuple[tuple[int, ...], Tensor]:
    return array.shape, torch.from_numpy(np.ascontiguousarray(array)).to(DEVICE)


def _floats(tensor: Tensor) -> Floats:
    array: Floats = tensor.float().cpu().numpy()
    return array
