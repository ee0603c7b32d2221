"""Engines that are loaded, and what every session of them shares: inputs and outputs lie in torch's CUDA memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.protocol.errors import UserError
from engine.runtimes.base import Floats, Ids, OpenRequest, Session
from engine.runtimes.limits import ending_tokens
from engine.runtimes.tensorrt.seal import PLAN, SETTINGS, require_own

DEVICE = "cuda"

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
        self._recording: Any = None
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        self.outputs = [name for name in names if self._engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT]

    def run(self, profile: int, inputs: Inputs, into: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name for `inputs`: name -> (shape, the buffer whose first elements they are). Outputs named in
        `into` are written to the beginning of that buffer, the others, float32, to new tensors."""
        context = self._contexts[profile]
        made = self._bind(context, inputs, into)
        self._launch(context)
        self._stream.synchronize()
        return made

    def recorded(
        self, profile: int, inputs: Inputs, into: Mapping[str, Tensor], after: Callable[[], None]
    ) -> tuple[Callable[[], None], dict[str, Tensor]]:
        """What `run` does with these shapes and buffers, then `after`, as one CUDA graph: a function that replays it,
        and the outputs that it writes. One graph at a time: recording another one makes the first useless.

        Raises RuntimeError where the engine or the driver does not let its kernels be recorded.
        """
        if self._recording is None:  # of its own, for a graph breaks when the context that it was recorded from changes
            self._recording = self._engine.create_execution_context()
        context = self._recording
        context.set_optimization_profile_async(profile, self._stream.cuda_stream)
        made = self._bind(context, inputs, into)
        self._launch(context)  # settles what new shapes leave to be done
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            if not context.execute_async_v3(self._stream.cuda_stream):
                raise RuntimeError("TensorRT does not let this engine be recorded")
            after()

        def replay() -> None:
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                graph.replay()
            self._stream.synchronize()

        return replay, made

    def _bind(self, context: Any, inputs: Inputs, into: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
        return made

    def _launch(self, context: Any) -> None:
        self._stream.wait_stream(torch.cuda.current_stream())
        if not context.execute_async_v3(self._stream.cuda_stream):
            raise RuntimeError("TensorRT could not run the engine")


def open_engines(folder: Path, plans: Iterable[str]) -> dict[str, Engine]:
    """The engines in `folder` by their file names, `plans`.

    Raises UserError unless they were built here, for this GPU and this TensorRT.
    """
    import tensorrt as trt

    require_own(folder, torch.cuda.get_device_name(), trt.__version__)
    return {name: Engine(trt, (folder / name).read_bytes()) for name in plans}


class TensorRTSession(Session):
    """What sessions of every task share. Opens only engines that were built here, see `seal`.

    Attributes:
        plans: the file names of the engines that it runs.
    """

    plans: tuple[str, ...] = (PLAN,)

    def __init__(self, request: OpenRequest) -> None:
        self._engines: Any = open_engines(request.folder, self.plans)
        self.folder, self.task, self.runtime = request.folder, request.artefact.task, request.artefact.runtime
        self.device, self.weight_bytes = "cuda", request.artefact.weight_bytes
        self.eos = ending_tokens(request.folder)
        text = (request.folder / SETTINGS).read_text(encoding="utf-8")
        self._settings: dict[str, Any] = json.loads(text)
        self.context_length = int(self._settings["longest"])

    def close(self) -> None:
        """Free the engines."""
        self._engines = {}
        torch.cuda.empty_cache()

    def _require(self, rows: int, length: int) -> None:
        if rows > self._settings["batch"] or length > self.context_length:
            raise UserError(
                f"The engine holds {self._settings['batch']} texts of {self.context_length} tokens, "
                f"not {rows} of {length}.",
                "Raise “Texts at once” or “Longest text” of TensorRT and run again.",
            )


def on_gpu(array: Ids) -> tuple[tuple[int, ...], Tensor]:
    """`array` as an engine's input."""
    return array.shape, torch.from_numpy(np.ascontiguousarray(array)).to(DEVICE)


def floats(tensor: Tensor) -> Floats:
    """`tensor` as a float32 array on the CPU."""
    array: Floats = tensor.float().cpu().numpy()
    return array


def buffers(names: Iterable[str], count: int, dtype: str) -> dict[str, Tensor]:
    """Room on the GPU for `count` numbers of torch's `dtype` under each of `names`."""
    return {name: torch.zeros(count, dtype=getattr(torch, dtype), device=DEVICE) for name in names}
