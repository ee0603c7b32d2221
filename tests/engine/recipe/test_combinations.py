"""Passes in any combination: what is refused can be mended by the buttons beside it, and then it runs green."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from engine.checkpoint.inspect import inspect
from engine.passes import catalog
from engine.protocol.errors import UserError
from engine.protocol.job import RunJob
from engine.recipe.options import OptionField, fields_of
from engine.recipe.recipe import Recipe
from engine.recipe.validate import predict, problems, require_legal
from engine.runs.record import CHECKPOINT
from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session
from tests.helpers import architectures, encoders, exported
from tests.helpers.checkpoints import tiny_llama, tiny_text2text
from tests.helpers.jobs import Desk
from tests.helpers.passes import layout

ENCODERS = ("Bert", "DistilBert", "Roberta", "Albert")
MODELS: dict[str, Callable[[Path], Path]] = {
    "Llama, tied": partial(tiny_llama, hidden=64, layers=4),
    "Llama, untied": partial(tiny_llama, hidden=64, layers=4, tied=False),
    **{name: partial(architectures.decoder, name=name) for name in ("qwen2", "mistral with a window", "gemma", "gpt2")},
    **{
        name: partial(exported.decoder, architecture=f"{name}ForCausalLM") for name in ("Phi", "OPT", "GPTNeoX")
    },
    **{kind: partial(encoders.model, kind, "feature-extraction") for kind in ENCODERS},
    **{kind: partial(tiny_text2text, kind=kind) for kind in ("t5", "bart", "marian")},
}  # fmt: skip
# what keeps a run short, and what random numbers seldom meet
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "samples": st.integers(1, 3),
    "tokens": st.sampled_from([8, 24]),
    "steps": st.integers(0, 2),
    "layers": st.just(1),
    "named": st.sampled_from(["", "1"]),
    "sparsity": st.sampled_from([0.0, 30.0, 80.0]),
    "share": st.sampled_from([10.0, 40.0]),
    "prune_vocabulary.size": st.sampled_from([None, 320]),
    "low_rank.size": st.sampled_from([50.0, 90.0]),
    "energy": st.sampled_from([80.0, 99.0]),
    "multiple": st.sampled_from([1, 16]),
    "strength": st.sampled_from([0.0, 0.5, 1.0]),
    "damping": st.sampled_from([0.01, 1.0]),
    "keep": st.sampled_from([1, 2]),
    "group": st.just(4),
    "groups": st.just(1),
    "include": st.sampled_from([(), ("*mlp*", "*fc*")]),
}


def _value(name: str, field: OptionField) -> st.SearchStrategy[Any]:
    """Values of option `field` of pass `name`."""
    for key in (f"{name}.{field.name}", field.name):
        if key in VALUES:
            return VALUES[key]
    if field.kind == "bool":
        return st.booleans()
    return st.sampled_from(field.choices) if field.kind == "choice" else st.just(field.default)


@st.composite
def _entry(draw: st.DrawFn) -> dict[str, Any]:
    spec = draw(st.sampled_from(list(catalog.all_passes().values())))
    fields = draw(st.lists(st.sampled_from(list(fields_of(spec.options))), unique_by=lambda field: field.name))
    short = [
        field for field in fields_of(spec.options) if field.name in ("samples", "tokens", "steps", "layers", "size")
    ]
    return {"pass": spec.name, "options": {field.name: draw(_value(spec.name, field)) for field in (*short, *fields)}}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One random checkpoint of every kind."""
    return {name: make(tmp_path_factory.mktemp("model")) for name, make in MODELS.items()}


def mended(recipe: Recipe, checkpoint: Path) -> Recipe:
    """`recipe` after the first fix of every problem that stops it, until none does."""
    info = inspect(checkpoint)
    for _ in range(20):
        stops = [problem for problem in problems(recipe, info) if problem.severity == "stop"]
        if not stops:
            return recipe
        with pytest.raises(UserError):
            require_legal(recipe, info)
        fix = next((problem.fix for problem in stops if problem.fix is not None), None)
        assert fix is not None, [problem.text for problem in stops]
        recipe = fix.apply(recipe)
    raise AssertionError(f"fixes go in circles: {[problem.text for problem in stops]}")


def answers(folder: Path) -> list[np.ndarray[Any, Any]]:
    """What the model in `folder` says to a few tokens: an encoder's answer, or logits of the prompt and of one more."""
    session = open_session(folder, threads=1)
    ids = np.array([[5, 9, 40, 12, 7]])
    try:
        if session.task == "text-generation":
            return [session.prefill(ids), session.decode(np.array([3]))]
        if session.task == "text2text-generation":
            return [session.prefill(ids), session.decode(np.array([3]))]
        return [session.answer(TextBatch(ids, np.ones_like(ids)))]
    finally:
        session.close()


# for the three layers, 512 tokens and four heads of keys of the small Llama
FITTING = {"prune_depth": {"layers": 1}, "prune_vocabulary": {"size": 320}, "prune_heads": {"groups": 2}}


@pytest.mark.parametrize("pair", list(combinations(catalog.all_passes(), 2)), ids="-".join)
def test_two_passes_have_an_order_and_the_wrong_one_is_refused_with_the_reason(
    pair: tuple[str, str], tiny_llama: Path
) -> None:
    info = inspect(tiny_llama)
    legal = []
    for order in (pair, pair[::-1]):
        recipe = Recipe.parse({"passes": [{"pass": name, "options": FITTING.get(name, {})} for name in order]})
        stops = [problem.text for problem in problems(recipe, info) if problem.severity == "stop"]
        later, earlier = catalog.get(order[1]).title, catalog.get(order[0]).title
        assert stops in ([], [f"{later} must come before {earlier}."])
        legal += [order] if not stops else []
        if stops:
            with pytest.raises(UserError, match="must come before"):
                require_legal(recipe, info)
    assert legal


THROUGH_TO_ONNX: dict[str, list[dict[str, Any]]] = {
    "Llama, tied": [
        {"pass": "prune_vocabulary", "options": {"size": 320}},
        {"pass": "prune_depth", "options": {"layers": 1, "samples": 2}},
        {"pass": "prune_ffn", "options": {"share": 25.0, "samples": 2}},
        {"pass": "smooth"},
        {"pass": "quantize", "options": {"bits": 4, "head": 8, "method": "gptq", "samples": 2}},
    ],
    "OPT": [
        {"pass": "prune_depth", "options": {"named": "1"}},
        {"pass": "prune_magnitude", "options": {"method": "sparsegpt", "samples": 2}},
        {"pass": "quantize", "options": {"bits": 8}},
    ],
    "Bert": [
        {"pass": "prune_ffn", "options": {"share": 25.0, "samples": 2}},
        {"pass": "quantize", "options": {"bits": 8, "method": "awq", "samples": 2}},
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", THROUGH_TO_ONNX)
def test_recipes_run_through_to_onnx(models: dict[str, Path], kind: str) -> None:
    recipe = Recipe.parse({"passes": THROUGH_TO_ONNX[kind], "target": {"runtime": "onnxruntime", "threads": 1}})
    artefact = Path(Desk().run(RunJob(checkpoint=str(models[kind]), recipe=recipe))["artefact"])
    for found, expected in zip(answers(artefact), answers(artefact.parent / CHECKPOINT), strict=True):
        np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())


@pytest.mark.slow
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],
)
@given(st.sampled_from(list(MODELS)), st.lists(_entry(), min_size=2, max_size=5))
def test_random_recipes_run_green(models: dict[str, Path], kind: str, entries: list[dict[str, Any]]) -> None:
    recipe = mended(Recipe.parse({"passes": entries}), models[kind])
    assume(len(recipe.passes) >= 2)
    desk = Desk()
    made = Path(desk.run(RunJob(checkpoint=str(models[kind]), recipe=recipe))["artefact"]).parent
    expected = predict(recipe, inspect(models[kind]))[-1]
    written = inspect(made / CHECKPOINT)
    if not _counts_as_it_runs(recipe):
        assert layout(written) == layout(expected)
    assert all(np.isfinite(answer).all() for answer in answers(made / CHECKPOINT))


def _counts_as_it_runs(recipe: Recipe) -> bool:
    """Whether a text that is read decides how much stays."""
    by_text = {"prune_vocabulary": ("size", None), "low_rank": ("budget", "energy")}
    return any(
        key in entry.options and entry.options[key] == value
        for entry in recipe.passes
        for key, value in (by_text.get(entry.name, ("", None)),)
    )
