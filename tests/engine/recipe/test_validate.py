"""Problems of a recipe, and that their fixes solve them."""

from __future__ import annotations

from pathlib import Path

from engine.checkpoint.inspect import inspect
from engine.recipe import validate
from engine.recipe.recipe import Recipe


def test_a_pass_in_the_wrong_place_is_said_once_and_moved(tiny_llama: Path) -> None:
    recipe = Recipe.parse({"passes": [{"pass": "quantize"}, {"pass": "prune_magnitude"}]})
    [problem] = [p for p in validate.problems(recipe, inspect(tiny_llama)) if p.severity == "stop"]
    assert problem.text == "Prune weights must come before Quantize."
    assert problem.fix is not None
    fixed = problem.fix.apply(recipe)
    assert [entry.name for entry in fixed.passes] == ["prune_magnitude", "quantize"]
    assert not [p for p in validate.problems(fixed, inspect(tiny_llama)) if p.severity == "stop"]


def test_what_finds_only_integers_is_removed(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    packed = validate.predict(Recipe.parse({"passes": [{"pass": "quantize"}]}), info)[-1]
    for name in ("quantize", "prune_magnitude", "prune_depth", "mixed_precision"):
        recipe = Recipe.parse({"passes": [{"pass": name}]})
        problem = next(p for p in validate.problems(recipe, packed) if p.severity == "stop")
        assert "integers already" in problem.text
        assert problem.fix is not None
        assert problem.fix.apply(recipe).passes == ()


def test_a_file_that_is_not_there_stops_the_run(tiny_llama: Path, tmp_path: Path) -> None:
    recipe = Recipe.parse({"passes": [{"pass": "prune_depth", "options": {"layers": 1, "text": str(tmp_path / "t")}}]})
    [problem] = [p for p in validate.problems(recipe, inspect(tiny_llama)) if p.severity == "stop"]
    assert str(tmp_path / "t") in problem.text
    assert problem.fix is not None
    assert not [p for p in validate.problems(problem.fix.apply(recipe), inspect(tiny_llama)) if p.severity == "stop"]
    (tmp_path / "t").write_text("Once upon a time.")
    assert not [p for p in validate.problems(recipe, inspect(tiny_llama)) if p.severity == "stop"]


def test_more_threads_than_processors_are_noted(tiny_llama: Path) -> None:
    recipe = Recipe.parse({"target": {"threads": 512, "replicas": 4}})
    [problem] = validate.problems(recipe, inspect(tiny_llama))
    assert problem.severity == "note"
    assert "2048 threads" in problem.text
    assert problem.fix is not None
    assert not validate.problems(problem.fix.apply(recipe), inspect(tiny_llama))


def test_a_kind_of_model_that_does_not_run_stops_every_recipe(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    led = info.model_copy(update={"architecture": "LEDForConditionalGeneration", "task": "text2text-generation"})
    [problem] = [p for p in validate.problems(Recipe(), led) if p.severity == "stop"]
    assert "encoder-decoder" in problem.text
