"""A TensorRT session without a GPU: ONNX Runtime computes the graph that TensorRT would parse."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from engine.runtimes.tensorrt import graph, lower, seal, session, spec


def plain(checkpoint: Path, folder: Path) -> Path:
    """The ONNX file that TensorRT would parse."""
    twin = load_model(checkpoint)
    model = graph.plain_graph(twin, inspect(checkpoint).task)
    graph.put_grids(model, Reader(checkpoint), tied=bool(twin.config.tie_word_embeddings))
    graph.save(model, folder / "model.onnx")
    return folder / "model.onnx"


class Stand:
    """ONNX Runtime in place of an engine: the same inputs, outputs and buffers, so that a session can be tried."""

    def __init__(self, model: Path, profiles: Any = None) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        # its own fusions would round activations to 8 bits
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._profiles = profiles

    def run(self, profile: int, inputs: session.Inputs, into: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
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


def build_context(checkpoint: Path, destination: Path, **options: Any) -> BuildContext:
    destination.mkdir(exist_ok=True)
    return BuildContext(
        step=SILENT.step, notice=SILENT.notice, source=checkpoint, destination=destination, info=inspect(checkpoint),
        options=spec.TensorRTOptions(**options), target=Target(runtime="tensorrt", device="cuda"),
    )  # fmt: skip


def opened(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    """The session of `checkpoint` over ONNX Runtime, every shape checked against the engine's profiles."""
    built = build_context(checkpoint, tmp_path / "built", **options)
    profiles, settings = lower.profiles_of(load_model(checkpoint), built)
    (built.destination / seal.SETTINGS).write_text(json.dumps(settings))
    stand = Stand(plain(checkpoint, tmp_path), profiles)
    monkeypatch.setattr(session, "DEVICE", "cpu")
    monkeypatch.setattr(session, "open_engine", lambda folder: stand)
    artefact = Artefact(runtime="tensorrt", task=built.info.task, target=built.target, weight_bytes=1, files=())
    return session.open_session(
        OpenRequest(
            step=SILENT.step, notice=SILENT.notice, folder=built.destination, artefact=artefact, threads=1,
            device="cuda",
        )
    )  # fmt: skip
