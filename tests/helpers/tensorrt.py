"""A TensorRT session without a GPU: ONNX Runtime computes the graphs that TensorRT would parse."""

from __future__ import annotations

import json
import shutil
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.recipe.recipe import Target
from engine.runtimes.base import Artefact, BuildContext, OpenRequest
from engine.runtimes.open import SILENT
from engine.runtimes.stored import Stored
from engine.runtimes.tensorrt import graph, loaded, lower, seal, session, spec


class Stand:
    """ONNX Runtime in place of an engine: the same inputs, outputs and buffers, so that a session can be tried."""

    def __init__(self, model: Path | bytes, profiles: Any = None) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        # its own fusions would round activations to 8 bits
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        given = model if isinstance(model, bytes) else str(model)
        self._session = ort.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        self._profiles, self.recordings = profiles, 0

    def run(self, profile: int, inputs: loaded.Inputs, into: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        feeds = {}
        for name, (shape, buffer) in inputs.items():
            if self._profiles is not None:
                least, _, most = self._profiles[profile].shapes[name]
                assert all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True)), (name, shape, most)
            feeds[name] = buffer.reshape(-1)[: int(np.prod(shape))].reshape(shape).numpy()
        names = [value.name for value in self._session.get_outputs()]
        made = {}
        for name, array in zip(names, self._session.run(names, feeds), strict=True):
            if name in into:
                into[name][: array.size] = torch.from_numpy(array).reshape(-1)
            made[name] = into.get(name, torch.from_numpy(array))
        return made

    def recorded(
        self, profile: int, inputs: loaded.Inputs, into: Mapping[str, torch.Tensor], after: Callable[[], None]
    ) -> tuple[Callable[[], None], dict[str, torch.Tensor]]:
        """A fake of a CUDA graph: the same shapes and buffers are computed with again; `recordings` counts."""
        self.recordings += 1
        made = self.run(profile, inputs, into)

        def replay() -> None:
            for name, array in self.run(profile, inputs, into).items():
                made[name].copy_(array)
            after()

        return replay, made


def build_context(checkpoint: Path, destination: Path, **options: Any) -> BuildContext:
    destination.mkdir(exist_ok=True)
    return BuildContext(
        step=SILENT.step, notice=SILENT.notice, source=checkpoint, destination=destination, info=inspect(checkpoint),
        options=spec.TensorRTOptions(**options), target=Target(runtime="tensorrt", device="cuda"),
    )  # fmt: skip


def request(context: BuildContext, artefact: Artefact) -> OpenRequest:
    return OpenRequest(
        step=SILENT.step, notice=SILENT.notice, folder=context.destination, artefact=artefact, threads=1, device="cuda"
    )  # fmt: skip


def opened(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    """The session of `checkpoint` over ONNX Runtime, every shape checked against the engines' profiles. The ONNX files
    that TensorRT would parse lie in `tmp_path` under the engines' names."""
    built = build_context(checkpoint, tmp_path / "built", **options)
    dtype = None if built.options.precision == "automatic" else getattr(torch, built.options.precision)
    twin = load_model(checkpoint, dtype=dtype)
    parts, settings = lower.parts_of(twin, built)
    (built.destination / seal.SETTINGS).write_text(json.dumps(settings))
    stands, weight_bytes = {}, 0
    for name, part in parts.items():
        model = part.write()
        graph.put_grids(model, Stored(twin, Reader(checkpoint)))
        weight_bytes += graph.save(model, tmp_path / f"{name}.onnx")
        stands[name] = Stand(tmp_path / f"{name}.onnx", part.profiles)
    for file in ("config.json", "generation_config.json"):
        if (checkpoint / file).is_file():
            shutil.copy(checkpoint / file, built.destination)
    monkeypatch.setattr(loaded, "DEVICE", "cpu")
    # what comes from a GPU is a copy, and stays when the next step overwrites the buffer
    monkeypatch.setattr(session, "floats", lambda tensor: loaded.floats(tensor).copy())
    monkeypatch.setattr(loaded, "open_engines", lambda folder, plans: {name: stands[name] for name in plans})
    artefact = Artefact(
        runtime="tensorrt", task=built.info.task, target=built.target, weight_bytes=weight_bytes, files=()
    )
    return session.open_session(request(built, artefact))


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let TensorRT's builder leave each graph as it is, and ONNX Runtime compute what it left: a whole build of an
    encoder-decoder, its seal and its check included, goes through without a GPU."""
    import onnx

    def compile_engine(trt: Any, model: Path, profiles: Any, context: BuildContext) -> bytes:
        whole: bytes = onnx.load(str(model)).SerializeToString()
        return whole

    monkeypatch.setitem(sys.modules, "tensorrt", types.SimpleNamespace(__version__="11.4"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU that is not there")
    monkeypatch.setattr(lower, "compile_engine", compile_engine)
    monkeypatch.setattr(loaded, "Engine", lambda trt, plan: Stand(plan))
    monkeypatch.setattr(loaded, "DEVICE", "cpu")
