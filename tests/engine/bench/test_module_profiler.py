"""Every runtime with a profiler tells where its time went, and the parts add up to the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.profile import tell
from engine.compare.module_times import ModuleProfile, rows
from engine.compare.modules import Place
from engine.protocol.errors import UserError
from engine.protocol.job import ModulesJob, RunJob
from engine.recipe.recipe import Recipe, Target
from engine.runs.store import RunStore
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.jobs import Desk
from tests.helpers.onnx_runtime import build

RECIPE = Recipe.parse(
    {
        "passes": [{"pass": "prune_depth", "options": {"layers": 1}}, {"pass": "quantize", "options": {"bits": 4}}],
        "target": {"runtime": "onnxruntime"},
    }
)


def _kinds(found: ModuleProfile, place: int) -> set[str]:
    return {row.place.kind for row in rows(found, found.phases[0], "kind") if row.cells[place] is not None}


def test_a_decoder_beside_its_result(tiny_llama: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime_genai")
    pytest.importorskip("openvino")
    run = Desk().run(RunJob(checkpoint=str(tiny_llama), recipe=RECIPE))["run"]
    other = build(tiny_llama, tmp_path, Target(runtime="openvino"))
    job = ModulesJob(candidates=(str(tiny_llama), run, str(other)), prompt_tokens=16, passes=8, threads=1)
    found = ModuleProfile.model_validate(Desk().run(job))
    assert RunStore().profile(run) == found.model_dump(mode="json")
    assert found.phases == ("decode", "prefill")
    assert [model.runtime for model in found.models] == ["Transformers", "ONNX Runtime", "OpenVINO"]
    for model in found.models:
        for phase in model.phases:
            passes = zip(*(module.seconds.values for module in phase.modules), strict=True)
            assert [sum(parts) for parts in passes] == pytest.approx(phase.seconds.values, rel=0.05)
            assert phase.plain.samples == 8
    usual = {"attention", "mlp", "norm", "head", "between"}
    assert usual | {"embedding", "layer"} <= _kinds(found, 0)
    assert usual | {"embedding", "shared"} <= _kinds(found, 1)
    assert {"attention", "mlp", "head", "between"} <= _kinds(found, 2)
    parts = {row.place: row for row in rows(found, "decode")}
    first, second, third = parts[Place(layer=1, kind="mlp")].cells
    assert (first is None) + (second is None) + (third is None) == 1  # the dropped layer, under the original's number
    products = parts[Place(layer=0, kind="mlp")]
    assert [cell.weight_bytes if cell else 0 for cell in products.cells] == [
        3 * 4 * 256 * 512,
        3 * 256 * 512 // 2 + 3 * 4 * 256 * 512 // 32,  # halves of bytes and a scale for each group
        3 * 4 * 256 * 512,
    ]
    assert products.cells[1] is not None
    assert "MatMulNBits" in products.cells[1].operators
    shares = [sum(row.shares[place] or 0.0 for row in parts.values()) for place in range(3)]
    assert shares == pytest.approx([1, 1, 1], rel=0.05)


def test_an_encoder_is_told_by_the_command_line(
    tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    built = build(tiny_bert, tmp_path)
    job = ModulesJob(candidates=(str(tiny_bert), str(built)), prompt_tokens=16, passes=8, threads=1)
    found = ModuleProfile.model_validate(Desk().run(job))
    assert found.phases == ("prefill",)
    assert {"embedding", "attention", "mlp"} <= _kinds(found, 0) & _kinds(found, 1)
    tell(found, found.phases, "layer")
    told = capsys.readouterr().out
    assert "Layer 1 " in told
    assert "under the profiler" in told


@pytest.mark.parametrize("kind", ["t5", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("bart", "marian"))])
def test_encoder_and_decoder_are_told_apart(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("openvino")
    folder = tiny_text2text(tmp_path / kind, kind)
    models = [str(folder)]
    for runtime in ("onnxruntime", "openvino"):
        (tmp_path / runtime).mkdir()
        models.append(str(build(folder, tmp_path / runtime, Target(runtime=runtime))))
    job = ModulesJob(candidates=tuple(models), prompt_tokens=64, passes=8, threads=1)
    found = ModuleProfile.model_validate(Desk().run(job))
    assert found.phases == ("decode", "prefill")
    token, prompt = ({row.place: row.cells for row in rows(found, phase)} for phase in found.phases)
    assert not [place for place in token if place.half == "encoder"]  # it read the prompt before
    encoder, decoder = Place(layer=1, kind="mlp", half="encoder"), Place(layer=1, kind="mlp", half="decoder")
    assert all(prompt[encoder])
    assert all(prompt[decoder])
    assert all(token[Place(layer=1, kind="cross", half="decoder")])
    assert all(token[Place(kind="head", half="decoder")])
    assert {place.kind for place in prompt if not place.half} == {"between"}
    sizes = [cell.weight_bytes if cell else 0 for cell in prompt[encoder]]
    assert sizes == pytest.approx([4 * 64 * 128 * (3 if kind == "t5" else 2)] * 3, rel=0.02)  # biases are small
    heads = [cell.weight_bytes if cell else 0 for cell in token[Place(kind="head", half="decoder")]]
    assert heads == pytest.approx([4 * 64 * 512] * 3, rel=0.02)
    for model in found.models:
        for phase in model.phases:
            passes = zip(*(module.seconds.values for module in phase.modules), strict=True)
            assert [sum(parts) for parts in passes] == pytest.approx(phase.seconds.values, rel=0.05)
    tell(found, ("prefill",), "layer")
    told = capsys.readouterr().out
    assert "Encoder · Layer 1 " in told
    assert told.index("Encoder · Layer 1 ") < told.index("Decoder · Layer 0 ")
    assert "the encoder takes" in told


def test_a_model_that_cannot_be_told_apart_says_why(tiny_llama: Path, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    built = build(tiny_llama, tmp_path, Target(runtime="llamacpp"))
    with pytest.raises(UserError, match="does not tell what it spends its time on"):
        Desk().run(ModulesJob(candidates=(str(built),)))
