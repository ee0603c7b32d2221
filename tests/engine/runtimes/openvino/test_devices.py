"""Intel's GPU and NPU: what is found of them, what a recipe may ask of them, and an NPU's sessions.

There is neither here. OpenVINO's NPU plugin cuts a model into programs by itself and can have the processor run them
(NPUW_DEVICES=CPU): that is tried for real, in place of an NPU's own compiler.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from engine import intel
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.protocol.errors import UserError
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session, read_artefact
from engine.runtimes.openvino import availability, choose
from engine.runtimes.openvino import session as sessions
from engine.runtimes.openvino.settings import Settings
from engine.runtimes.openvino.spec import OpenVinoOptions
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.onnx_runtime import build, quantized

_GPU, _NPU = (Target(runtime="openvino", device=device) for device in intel.PLUGINS)


@pytest.fixture(autouse=True)
def _forgotten() -> Any:
    """What was found of this machine, and of those that tests put in its place, is asked for anew."""
    caches = intel.devices, availability.availability
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()


def _pretend(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {kind: intel.Found(name=f"a {plugin} that is not there") for kind, plugin in intel.PLUGINS.items()}
    monkeypatch.setattr(intel, "devices", lambda: names)


def _said(target: Target, checkpoint: Path, *entries: PassEntry) -> list[tuple[str, str]]:
    found = problems(Recipe(passes=entries, target=target), inspect(checkpoint))
    return [(problem.severity, problem.text) for problem in found]


def _nodes(root: Path, vendor: str) -> Path:
    for name in ("drm/card0", "accel/accel0"):
        (root / name / "device").mkdir(parents=True)
        (root / name / "device" / "vendor").write_text(f"{vendor}\n")
    return root


def test_without_a_device_openvino_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intel.sys, "platform", "linux")
    monkeypatch.setattr(intel, "_CLASSES", _nodes(tmp_path, "0x10de"))
    monkeypatch.setattr(subprocess, "run", None)
    assert {found.reason for found in intel.devices().values()} == set(intel.NONE.values())
    assert intel.usable() == {}


def test_a_device_that_openvino_cannot_use_has_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO really looks; only the kernel's devices are made up."""
    monkeypatch.setattr(intel.sys, "platform", "linux")
    monkeypatch.setattr(intel, "_CLASSES", _nodes(tmp_path, "0x8086"))
    found = intel.devices()
    for kind, plugin in intel.PLUGINS.items():
        assert found[kind].name or f"cannot use this machine's {plugin} (" in found[kind].reason
        assert found[kind].name or "Install Intel's" in found[kind].reason


def test_a_fake_answer_of_openvino_is_offered_by_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intel.sys, "platform", "linux")
    monkeypatch.setattr(intel, "_CLASSES", _nodes(tmp_path, "0x8086"))
    answer = {"GPU": {"name": "Arc"}, "NPU": {"reason": "its driver shows no device"}}
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=json.dumps(answer).encode()))
    said = availability.availability()
    assert said.devices == ("cpu", "intel-gpu")
    assert "its driver shows no device" in said.refusal("OpenVINO", "intel-npu")


def test_what_is_not_here_stops_the_recipe_and_the_opening(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = {kind: intel.Found(reason=text) for kind, text in intel.NONE.items()}
    monkeypatch.setattr(intel, "devices", lambda: reasons)
    for target in (_GPU, _NPU):
        assert ("stop", intel.NONE[target.device]) in _said(target, tiny_llama)  # type: ignore[index]
        other = target.model_copy(update={"runtime": "transformers"})
        assert any("Transformers cannot use Intel" in text for _, text in _said(other, tiny_llama))


def test_what_a_fake_device_cannot_do_is_said_before_the_run(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pretend(monkeypatch)
    assert _said(_GPU, tiny_llama) == _said(_NPU, tiny_llama) == []
    for target, text in [
        (_GPU.model_copy(update={"options": {"precision": "bfloat16"}}), "not in bfloat16"),
        (_NPU.model_copy(update={"options": {"precision": "float32"}}), "nothing to choose"),
        (_NPU.model_copy(update={"speculation": "lookup"}), "one token at a time"),
    ]:
        (found,) = problems(Recipe(target=target), inspect(tiny_llama))
        assert (found.severity, text in found.text) == ("stop", True)
        assert found.fix is not None
        assert not problems(found.fix.apply(Recipe(target=target)), inspect(tiny_llama))
    t5 = tiny_text2text(tmp_path / "t5")
    assert any("fixed sizes" in text for _, text in _said(_NPU, t5))
    eight = _GPU.model_copy(update={"options": {"kv_cache": "8-bit"}})
    assert any("cannot be kept in 8 bits" in text for _, text in _said(eight, t5))
    entry = PassEntry(**{"pass": "quantize"}, options={"bits": 4, "symmetric": False})
    assert [severity for severity, text in _said(_NPU, tiny_llama, entry) if "symmetric integers" in text] == ["note"]


def test_arithmetic_is_the_devices_own() -> None:
    on_gpu = choose.candidates(OpenVinoOptions(kv_cache="8-bit"), integer=True, device="intel-gpu")
    assert on_gpu == (Settings("f16", 32, "i8"), Settings("f16", 0, "i8"), Settings("f32", 0, "i8"))
    assert choose.candidates(OpenVinoOptions(accuracy="exact"), integer=True, device="intel-gpu") == (Settings(),)
    assert len(choose.candidates(OpenVinoOptions(), integer=True, device="intel-npu")) == 1
    # opened elsewhere than where it was built
    assert Settings("bf16", 0, "bf16").on("intel-gpu", ()) == Settings("f16", 0, "f16")
    assert Settings("f16", 32, "i8").on("cpu", ("BF16",)) == Settings("f32", 32, "u8")
    assert Settings("bf16", 0, "bf16").on("cpu", ("FP32",)) == Settings("f32", 0, "f32")
    assert Settings("bf16", 0, "bf16").on("cpu", ("BF16",)) == Settings("bf16", 0, "bf16")


@pytest.fixture
def npu(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The NPU plugin with the processor in place of the device; the settings that models are compiled with."""
    _pretend(monkeypatch)
    used: list[dict[str, str]] = []
    compile_ = sessions.OpenVinoSession._request

    def request(self: Any, model: Any) -> Any:
        if self.device == "intel-npu":
            used.append(dict(self._config))
            self._config |= {"NPU_USE_NPUW": "YES", "NPUW_DEVICES": "CPU"}
        return compile_(self, model)

    monkeypatch.setattr(sessions.OpenVinoSession, "_request", request)
    return used


@pytest.mark.slow
@pytest.mark.parametrize("grid", [
    None, {"bits": 4, "group_size": 128}, {"bits": 4, "group_size": 32, "symmetric": False},
    {"bits": 8, "group_size": "row", "head": 8},
])  # fmt: skip
def test_a_decoder_over_the_npu_plugin_with_the_cpu_as_device(
    grid: dict[str, Any] | None, tiny_llama: Path, tmp_path: Path, npu: list[dict[str, str]]
) -> None:
    source = tiny_llama if grid is None else quantized(tiny_llama, tmp_path, **grid)
    folder = build(source, tmp_path, _NPU)
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.facts["arithmetic"] == "float16"
    assert artefact.facts["kl_divergence_nats"] < 1e-3  # type: ignore[operator]
    assert 'DEVICE = "NPU"' in (folder / "generate.py").read_text()
    session = open_session(folder)
    assert not {"INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING", "KV_CACHE_PRECISION", "NUM_STREAMS"} & npu[-1].keys()
    ids = np.random.default_rng(1).integers(3, 500, (1, 40))
    with torch.inference_mode():
        expected = load_model(source, dtype=torch.float32)(torch.from_numpy(ids)).logits.numpy()

    def close(found: np.ndarray, wanted: np.ndarray) -> bool:
        return bool(np.abs(found - wanted).max() < 1e-2 * np.abs(expected).max())

    assert close(session.logits(ids), expected)
    padded = np.pad(ids[:, :30], ((0, 0), (3, 0)))
    assert close(session.prefill(padded, (np.arange(33) >= 3).astype(np.int64)[None]), expected[:, 29])
    assert close(session.extend(ids[:, 30:36]), expected[:, 30:36])
    session.rewind(4)
    assert close(session.decode(ids[:, 32]), expected[:, 32])
    with pytest.raises(UserError, match="one text at a time"):
        session.prefill(np.zeros((2, 4), np.int64))
    session.close()


def test_an_encoder_over_the_npu_plugin_with_the_cpu_as_device(
    tiny_bert: Path, tmp_path: Path, npu: list[dict[str, str]]
) -> None:
    session = open_session(build(tiny_bert, tmp_path, _NPU))
    ids = np.random.default_rng(2).integers(3, 500, (2, 40))
    mask = (np.arange(40)[None] < np.array([[40], [5]])).astype(np.int64)
    with torch.inference_mode():
        twin = load_model(tiny_bert)
        expected = twin(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state
    found = session.hidden(TextBatch(ids, mask))
    np.testing.assert_allclose(found[mask == 1], expected.numpy()[mask == 1], atol=1e-2)
    assert list(session._requests) == ["last_hidden_state 64"]  # type: ignore[attr-defined]
    session.close()


def test_a_fake_gpu_gets_no_settings_of_processors(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO's HETERO device stands in: it computes on the processor and knows none of its settings."""
    _pretend(monkeypatch)
    used: list[tuple[str, dict[str, str]]] = []
    core = sessions.ov.Core

    class Core:
        def __init__(self) -> None:
            self._core = core()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._core, name)

        def compile_model(self, model: Any, plugin: str, config: dict[str, str]) -> Any:
            used.append((plugin, config))
            return self._core.compile_model(model, "HETERO:CPU" if plugin == "GPU" else plugin)

    monkeypatch.setattr(sessions.ov, "Core", Core)
    folder = build(tiny_bert, tmp_path, _GPU)
    session = open_session(folder)
    assert session.device == "intel-gpu"
    plugin, config = used[-1]
    assert (plugin, config["INFERENCE_PRECISION_HINT"]) == ("GPU", "f16")
    assert not {"INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING"} & config.keys()
    assert {plugin for plugin, _ in used} == {"CPU", "GPU"}  # the graph is checked in float32 on the processor
    assert 'DEVICE = "GPU"' in (folder / "encode.py").read_text()
    session.close()
