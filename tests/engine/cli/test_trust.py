"""--trust-remote-code: a checkpoint's own code through run, compare and export, each in processes of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import paths
from tests.engine.cli.conftest import Answer
from tests.helpers import checkpoints

Hasten = Callable[..., Answer]


@pytest.fixture
def own(tiny_llama: Path, tmp_path: Path) -> Path:
    return checkpoints.with_own_code(tiny_llama, tmp_path / "own", tmp_path / "it-ran")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text("passes: [{pass: prune_depth, options: {layers: 1}}, {pass: prune_magnitude}]", encoding="utf-8")
    return path


def test_code_runs_after_a_yes_and_not_before(hasten: Hasten, own: Path, recipe: Path, tmp_path: Path) -> None:
    for refused in (hasten("run", own, "--recipe", recipe), hasten("compare", own, own, "--no-quality")):
        assert refused.code == 2
        assert "--trust-remote-code" in refused.err
    assert hasten("inspect", own).code == 0
    assert not (tmp_path / "it-ran").exists()

    done = hasten("run", own, "--recipe", recipe, "--trust-remote-code", "--json")
    assert done.code == 0, done.err
    assert (tmp_path / "it-ran").exists()
    assert list((paths.home() / "cache" / "modules").rglob("modeling_own.py"))
    (own / "modeling_own.py").write_text("raise SystemExit('changed')")
    assert hasten("run", own, "--recipe", recipe).code == 2


@pytest.mark.slow
def test_what_is_made_of_allowed_code_is_compared_and_taken_away(
    hasten: Hasten, own: Path, recipe: Path, tmp_path: Path
) -> None:
    run = hasten("run", own, "--recipe", recipe, "--trust-remote-code", "--json").json["run"]
    recipe.write_text("passes: [{pass: quantize}]", encoding="utf-8")
    done = hasten("run", run, "--recipe", recipe, "--json")  # what was made from it carries the yes
    assert done.code == 0, done.err
    run = done.json["run"]
    text = tmp_path / "text.txt"
    text.write_text(checkpoints.TEXT, encoding="utf-8")
    compared = hasten(
        "compare", own, run, "--text", text, "--rounds", "3", "--prompt-tokens", "8", "--new-tokens", "4", "--no-pause",
        "--json",
    )  # fmt: skip
    assert compared.code == 0, compared.err
    for form in ("checkpoint", "runtime"):
        answer = hasten("export", run, "--format", form, "--out", tmp_path / form)
        assert answer.code == 0, answer.err
        assert (tmp_path / form / "modeling_own.py").is_file()
