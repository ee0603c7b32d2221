"""Runs whose model is helped by another that guesses: what is built, and that the answers are the right model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.checkpoint.inspect import inspect
from engine.decoding.wrapped import WrappedSession
from engine.protocol.errors import UserError
from engine.protocol.job import CompareJob, RunJob
from engine.recipe.recipe import Recipe
from engine.recipe.validate import problems
from engine.runs.store import RunStore
from engine.runtimes.base import DRAFT
from engine.runtimes.open import open_session, read_artefact
from tests.helpers import checkpoints
from tests.helpers.jobs import Desk
from tests.helpers.onnx_runtime import build_preset

IDS = np.array([5, 9, 200, 31, 77])
QUANTIZE = {"pass": "quantize", "options": {"bits": 4, "group_size": 32}}


def run(checkpoint: Path, target: dict[str, Any], *passes: dict[str, Any]) -> dict[str, Any]:
    recipe = Recipe.parse({"passes": list(passes), "target": {"threads": 1, **target}})
    return Desk().run(RunJob(checkpoint=str(checkpoint), recipe=recipe))


def text(folder: Path) -> list[int]:
    session = open_session(folder, threads=1)
    found = [step.token_id for step in session.generate(IDS, 24, stop_at_eos=False)]
    session.close()
    return found


@pytest.mark.usefixtures("short_rounds")
def test_the_original_answers_and_the_result_guesses(tiny_llama: Path, tmp_path: Path) -> None:
    made = run(tiny_llama, {"runtime": "onnxruntime", "speculation": "original"}, QUANTIZE)
    folder = Path(made["artefact"])
    artefact, draft = read_artefact(folder), read_artefact(folder / DRAFT)
    assert artefact is not None
    assert draft is not None
    assert draft.target.speculation == "none"
    assert made["weight_bytes"] == artefact.weight_bytes + draft.weight_bytes
    assert f"{DRAFT}/model.onnx" in artefact.files
    assert text(folder) == text(tiny_llama)
    assert text(folder / DRAFT) != text(tiny_llama)

    (tmp_path / "text.txt").write_text(checkpoints.TEXT[:1500], encoding="utf-8")
    result = Desk().run(
        CompareJob(
            candidates=(str(tiny_llama), made["run"]), prompts=("a",), rounds=3, prompt_tokens=8, new_tokens=16,
            memory=False, text=str(tmp_path / "text.txt"),
        )
    )  # fmt: skip
    reference, candidate = ({m["name"]: m for m in c["measurements"]} for c in result["candidates"])
    assert candidate["kl_divergence_nats"]["value"] < 1e-6
    assert "acceptance_rate" not in reference
    if "acceptance_rate" in candidate:  # the pace may find that guessing gains nothing on a model this small
        assert 0 <= candidate["acceptance_rate"]["value"] <= 1
        assert candidate["acceptance_rate"]["samples"] >= 3
    assert candidate["weight_bytes"]["value"] == made["weight_bytes"]
    assert all(diff["same"] for diff in result["diffs"])


def test_another_model_guesses_for_the_result(tiny_llama: Path, tmp_path: Path) -> None:
    small = checkpoints.tiny_llama(tmp_path / "small", hidden=64, layers=1)
    plain = run(tiny_llama, {}, QUANTIZE)
    helped = run(tiny_llama, {"speculation": "draft", "draft": str(small)}, QUANTIZE)
    assert text(Path(helped["artefact"])) == text(Path(plain["artefact"]))
    store = RunStore()
    assert store.get(helped["run"]).weight_bytes > store.get(plain["run"]).weight_bytes
    again = run(tiny_llama, {"speculation": "draft", "draft": plain["run"]})  # a run can guess as well
    assert text(Path(again["artefact"])) == text(tiny_llama)


def test_a_draft_that_speaks_another_language_is_refused(stories260k: Path, tiny_llama: Path) -> None:
    with pytest.raises(UserError, match="another vocabulary"):
        run(tiny_llama, {"speculation": "draft", "draft": str(stories260k)})
    with pytest.raises(UserError, match="There is no checkpoint"):
        run(tiny_llama, {"speculation": "draft", "draft": "/nowhere"})
    assert RunStore().list() == []


@pytest.mark.parametrize(
    ("target", "passes", "said"),
    [
        ({"speculation": "original"}, [], "Without a pass"),
        ({"speculation": "draft"}, [], "No draft model is chosen"),
        ({"speculation": "original"}, [{"pass": "prune_vocabulary", "options": {"size": 256}}], "leaves tokens out"),
    ],
)
def test_what_cannot_guess_is_said_with_a_remedy(
    target: dict[str, Any], passes: list[Any], said: str, tiny_llama: Path
) -> None:
    recipe = Recipe.parse({"passes": passes, "target": target})
    [problem] = [p for p in problems(recipe, inspect(tiny_llama)) if p.severity == "stop"]
    assert said in problem.text
    assert problem.fix is not None
    fixed = problem.fix.apply(recipe)
    assert fixed.target.speculation == "lookup"
    assert not [p for p in problems(fixed, inspect(tiny_llama)) if p.severity == "stop"]


def test_nothing_is_guessed_for_an_encoder(tiny_bert: Path) -> None:
    for speculation, severity in (("lookup", "note"), ("draft", "stop")):
        recipe = Recipe.parse({"target": {"speculation": speculation, "draft": str(tiny_bert)}})
        [problem] = [p for p in problems(recipe, inspect(tiny_bert)) if "guessed" in p.text]
        assert problem.severity == severity
        assert problem.fix is not None
        assert problem.fix.apply(recipe).target.speculation == "none"


def test_a_preset_that_guesses_serves_encoders_too(tiny_bert: Path, tmp_path: Path) -> None:
    session = open_session(build_preset(tiny_bert, "small-cpu", tmp_path), threads=1)
    assert not isinstance(session, WrappedSession)
    session.close()


def test_a_float_cache_that_keeps_fast_integers_from_guessing_is_noted(tiny_llama: Path) -> None:
    target = {"runtime": "onnxruntime", "speculation": "lookup", "options": {"kv_cache": "float"}}
    recipe = Recipe.parse({"passes": [QUANTIZE], "target": target})
    [problem] = [p for p in problems(recipe, inspect(tiny_llama)) if "guessed" in p.text]
    assert problem.severity == "note"
    assert problem.fix is not None
    assert not [p for p in problems(problem.fix.apply(recipe), inspect(tiny_llama)) if "guessed" in p.text]
