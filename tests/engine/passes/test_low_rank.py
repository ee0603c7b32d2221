"""Layers of low rank: the best factors, stored as two products, computed as two, and multiplied out on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.low_rank import LowRank
from engine.passes.low_rank.maths import Inputs, rank_for_energy, spectrum
from engine.passes.low_rank.sizes import rank_for_size
from engine.protocol.errors import UserError
from engine.protocol.job import ExportJob, RunJob
from engine.recipe.recipe import Recipe
from engine.recipe.validate import problems
from engine.runs.store import RunStore
from tests.helpers import architectures, encoders, exported
from tests.helpers.checkpoints import tiny_llama, tiny_text2text
from tests.helpers.jobs import Desk
from tests.helpers.passes import run_pass

KINDS: dict[str, Callable[[Path], Path]] = {
    "Llama": partial(tiny_llama, hidden=64, layers=2),
    "GPT-2": partial(architectures.decoder, name="gpt2"),
    "OPT": partial(exported.decoder, architecture="OPTForCausalLM"),
    "BERT": partial(encoders.model, "Bert", "fill-mask"),
    "T5": tiny_text2text,
}
MORE: dict[str, Callable[[Path], Path]] = {
    **{name: partial(exported.decoder, architecture=f"{name}ForCausalLM") for name in ("GPTNeoX", "Phi", "Falcon")},
    **{name: partial(architectures.decoder, name=name) for name in ("qwen3", "gemma", "phi3", "mistral with a window")},
    **{name: partial(encoders.model, name, "feature-extraction") for name in ("Roberta", "DistilBert", "Albert")},
    **{name: partial(tiny_text2text, kind=name) for name in ("bart", "marian")},
}
FEW = {"samples": 2, "tokens": 24, "multiple": 4}


@pytest.mark.parametrize("shape", [(6, 10), (10, 6)])
def test_plain_factors_are_the_truncated_singular_value_decomposition(shape: tuple[int, int]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, values, right = np.linalg.svd(weight.double().numpy(), full_matrices=False)
    found = spectrum(weight, None)
    np.testing.assert_allclose(found.energy[: len(values)], values**2, rtol=1e-6)
    for rank in (1, 3, 6):
        first, second = found.factors(rank)
        assert (first.shape, second.shape) == ((rank, shape[1]), (shape[0], rank))
        np.testing.assert_allclose(second @ first, (left[:, :rank] * values[:rank]) @ right[:rank], atol=1e-5)
        assert found.lost(rank) == pytest.approx(float((values[rank:] ** 2).sum() / (values**2).sum()), abs=1e-9)


@pytest.mark.parametrize("shape", [(6, 10), (10, 6)])
def test_by_text_the_answers_are_the_best_of_their_rank(shape: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(1)
    weight = torch.randn(shape, generator=random)
    inputs = torch.randn(80, shape[1], generator=random) * torch.logspace(0, 2, shape[1])
    answers = (inputs @ weight.T).double().numpy()
    # no layer of rank R answers closer than the best matrix of rank R does (Eckart & Young), and this one does so
    values = np.linalg.svd(answers, compute_uv=False)
    found, plain = spectrum(weight, Inputs(inputs.T @ inputs, 1e-12)), spectrum(weight, None)
    for rank in (1, 3, 5):
        lost = []
        for factors in (found.factors(rank), plain.factors(rank)):
            answered = inputs.double() @ factors[0].double().T @ factors[1].double().T
            lost.append(float(((answers - answered.numpy()) ** 2).sum()))
        assert lost[0] == pytest.approx(float((values[rank:] ** 2).sum()), rel=1e-3)
        assert lost[0] < 0.9 * lost[1]
        assert found.lost(rank) == pytest.approx(lost[0] / float((values**2).sum()), rel=1e-3)


def test_inputs_that_repeat_have_factors_all_the_same() -> None:
    weight, one = torch.randn(8, 4), torch.randn(1, 4)
    first, second = spectrum(weight, Inputs(one.T @ one, 0.01)).factors(1)
    torch.testing.assert_close(one @ first.T @ second.T, one @ weight.T, rtol=0.05, atol=0.05)


def test_ranks_follow_the_budget() -> None:
    energy = torch.tensor([8.0, 1.0, 0.5, 0.5])
    assert [rank_for_energy(energy, share, 1) for share in (0.5, 0.8, 0.9, 0.99)] == [1, 1, 2, 4]
    assert rank_for_energy(energy, 0.9, 4) == 4
    assert rank_for_size(100, 50, 0.6, 1) == 20  # 20 · (100 + 50) = 0.6 · 100 · 50
    assert rank_for_size(100, 50, 0.6, 8) == 16
    assert rank_for_size(4, 4, 0.1, 1) is None


def _stands_for_its_products(make: Callable[[Path], Path], tmp_path: Path) -> None:
    source, made = make(tmp_path / "model"), tmp_path / "made"
    facts = run_pass("low_rank", source, made, size=70.0, **FEW)
    assert facts["layers factored"] == facts["by calibration text"] > 0
    assert inspect(made).bytes < inspect(source).bytes
    low, plain = load_model(made), load_model(source)
    for name, module in low.named_modules():
        if isinstance(module, LowRank):
            first, second = (module[place].weight.detach() for place in (0, 1))
            inputs_first = not isinstance(module[1], torch.nn.Linear)
            plain.get_submodule(name).weight.data.copy_(first @ second if inputs_first else second @ first)
    ids = torch.tensor([[5, 9, 40, 12]])
    more = {"decoder_input_ids": ids} if plain.config.is_encoder_decoder else {}
    torch.testing.assert_close(low(ids, **more)[0], plain(ids, **more)[0], rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="hasten"):
        transformers.AutoConfig.from_pretrained(made)


@pytest.mark.parametrize("kind", KINDS)
def test_two_factors_compute_what_their_product_would(kind: str, tmp_path: Path) -> None:
    _stands_for_its_products(KINDS[kind], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MORE)
def test_other_architectures(kind: str, tmp_path: Path) -> None:
    _stands_for_its_products(MORE[kind], tmp_path)


def test_by_energy_what_needs_too_much_stays_whole(tmp_path: Path) -> None:
    source = tiny_llama(tmp_path / "model", hidden=64, layers=1)
    arguments: dict[str, Any] = {"checkpoint": str(source)}
    options = {"budget": "energy", "energy": 99.99, "method": "plain", "multiple": 1}
    recipe = Recipe.parse({"passes": [{"pass": "low_rank", "options": options}]})
    run = RunStore().get(Desk().run(RunJob(**arguments, recipe=recipe))["run"])
    facts = run.stages[0].facts
    assert (facts["layers factored"], facts["kept whole"]) == (0, 7)  # random matrices have no low rank
    assert inspect(run.checkpoint_folder).model_type == "llama"


def test_an_export_multiplies_out_for_plain_transformers(tmp_path: Path) -> None:
    source = tiny_llama(tmp_path / "model", hidden=64, layers=2, spread=0.2)
    passes = [
        {"pass": "low_rank", "options": {"size": 60.0, **FEW}},
        {"pass": "quantize", "options": {"group_size": "row"}},
    ]
    desk = Desk()
    run = desk.run(RunJob(checkpoint=str(source), recipe=Recipe.parse({"passes": passes})))["run"]
    desk.run(ExportJob(run=run, format="checkpoint", out=str(tmp_path / "out")))
    record = RunStore().get(run)
    assert inspect(record.checkpoint_folder).grids
    found = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    ids = torch.tensor([[5, 9, 40, 12]])
    expected = load_model(record.checkpoint_folder)(ids).logits
    torch.testing.assert_close(found(ids).logits, expected, rtol=1e-3, atol=1e-4)
    assert "hasten" not in json.loads((tmp_path / "out" / "config.json").read_text())


def test_what_cannot_hold_it_says_so(tmp_path: Path) -> None:
    source = tiny_llama(tmp_path / "model", hidden=64, layers=2)
    for runtime in ("onnxruntime", "openvino"):
        recipe = Recipe.parse({"passes": [{"pass": "low_rank"}], "target": {"runtime": runtime}})
        stops = [p for p in problems(recipe, inspect(source)) if p.severity == "stop" and "low-rank" in p.text]
        assert len(stops) == 1
        assert stops[0].fix is not None
        assert not [p for p in problems(stops[0].fix.apply(recipe), inspect(source)) if p.severity == "stop"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"size": 20.0, "multiple": 64}, "In steps of 64, no layer gets smaller."),
        ({"size": 1.0}, "1 % of the weights are too few for any layer."),
        ({"include": ("*.norm",)}, "No layer is chosen that is not of low rank already."),
    ],
)
def test_choices_without_a_layer_have_a_remedy(options: dict[str, Any], text: str, tmp_path: Path) -> None:
    info = inspect(tiny_llama(tmp_path / "model", hidden=64, layers=1))
    recipe = Recipe.parse({"passes": [{"pass": "low_rank", "options": options}]})
    [problem] = [problem for problem in problems(recipe, info) if problem.severity == "stop"]
    assert problem.text == text
    assert problem.fix is not None
    assert not [p for p in problems(problem.fix.apply(recipe), info) if p.severity == "stop"]


@pytest.mark.parametrize("name", ["prune_depth", "prune_ffn", "prune_heads", "low_rank"])
def test_what_has_to_come_before_is_refused_on_such_a_checkpoint(name: str, tmp_path: Path) -> None:
    source, made = tiny_llama(tmp_path / "model", hidden=64, layers=3), tmp_path / "made"
    run_pass("low_rank", source, made, method="plain", multiple=4)
    options = {"layers": 1} if name == "prune_depth" else {}
    recipe = Recipe.parse({"passes": [{"pass": name, "options": options}]})
    [problem] = [problem for problem in problems(recipe, inspect(made)) if problem.severity == "stop"]
    assert problem.fix is not None
    assert problem.fix.apply(recipe).passes == ()


def test_a_damaged_description_is_told(tmp_path: Path) -> None:
    source, made = tiny_llama(tmp_path / "model", hidden=64, layers=1), tmp_path / "made"
    run_pass("low_rank", source, made, method="plain", multiple=4)
    config = json.loads((made / "config.json").read_text())
    config["structure"]["low_rank"]["model.layers.0.mlp.up_proj"] = "many"
    (made / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="form that this version"):
        inspect(made)
