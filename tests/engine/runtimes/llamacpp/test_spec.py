"""What llama.cpp is said to hold, from headers alone; the library is not needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from engine.checkpoint.inspect import inspect
from engine.gguf.write import write_gguf
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.recipe.validate import predict, problems
from engine.runtimes.llamacpp.availability import availability
from engine.runtimes.llamacpp.spec import SPEC
from engine.runtimes.open import SILENT
from tests.helpers.onnx_runtime import quantized


def found(checkpoint: Path, passes: tuple[PassEntry, ...] = (), **options: Any) -> dict[str, str]:
    """Texts of the runtime's own problems and their severities."""
    recipe = Recipe(passes=passes, target=Target(runtime="llamacpp", options=options))
    layout = predict(recipe, inspect(checkpoint))[-1]
    return {p.text: p.severity for p in SPEC.check(layout, SPEC.options(**options), recipe.target)}


def rounded(**options: Any) -> tuple[PassEntry, ...]:
    return (PassEntry(**{"pass": "quantize", "options": options}),)


def test_without_the_library_it_is_shown_with_its_remedy(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    availability.cache_clear()
    try:
        here = availability()
        assert not here.usable
        assert "pip install hasten[llamacpp]" in here.remedy
        recipe = Recipe(target=Target(runtime="llamacpp"))
        stops = [p.text for p in problems(recipe, inspect(tiny_llama)) if p.severity == "stop"]
        assert stops
        assert stops[0].startswith("llama.cpp cannot be used here")
    finally:
        availability.cache_clear()


def test_what_fits_has_no_problem(tiny_llama: Path) -> None:
    assert found(tiny_llama) == {}
    for bits, symmetric in ((8, True), (4, True), (4, False)):
        assert found(tiny_llama, rounded(bits=bits, symmetric=symmetric, head=8)) == {}


def test_grids_without_a_block_are_told_with_the_nearest_that_has_one(tiny_llama: Path) -> None:
    for options, fixed in (({"group_size": 16}, {"group_size": 32}), ({"symmetric": False}, {"symmetric": True})):
        recipe = Recipe(passes=rounded(**options), target=Target(runtime="llamacpp"))
        layout = predict(recipe, inspect(tiny_llama))[-1]
        (problem,) = SPEC.check(layout, SPEC.options(), recipe.target)
        assert (problem.severity, "21 layers" in problem.text) == ("note", True)
        assert problem.fix is not None
        assert problem.fix.apply(recipe).passes[0].options == options | fixed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kv_cache": "q8_0", "attention": "plain"}, "Plain attention"),
        ({"kv_cache": "f32", "attention": "flash"}, "Flash attention"),
        ({"requantise": "Q4_K_M"}, "a second time"),
    ],
)
def test_options_that_exclude_one_another_are_stopped(options: dict[str, str], words: str, tiny_llama: Path) -> None:
    passes = rounded(bits=8) if "requantise" in options else ()
    ((text, severity),) = found(tiny_llama, passes, **options).items()
    assert words in text
    assert severity == "stop"


def test_models_it_does_not_run_are_stopped(tiny_bert: Path, stories260k: Path) -> None:
    ((text, severity),) = found(tiny_bert).items()
    assert (severity, "decoders only" in text) == ("stop", True)
    ((text, severity),) = found(stories260k, kv_cache="q8_0").items()
    assert (severity, "not 8" in text) == ("stop", True)


@pytest.mark.parametrize("options", [{"bits": 8, "head": 8}, {"bits": 4, "symmetric": False}, {"group_size": 16}])
def test_the_files_size_is_foreseen(options: dict[str, Any], tiny_llama: Path, tmp_path: Path) -> None:
    checkpoint = quantized(tiny_llama, tmp_path, **options)
    info = inspect(checkpoint)
    file = tmp_path / "model.gguf"
    assert write_gguf(checkpoint, file, SILENT).weight_bytes == SPEC.weight_bytes(info, SPEC.options())
    assert file.stat().st_size == pytest.approx(SPEC.artefact_bytes(info, SPEC.options()), rel=0.05)
