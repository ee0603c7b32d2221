from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import run as hasten
from engine.compare.machines import APART, read, side_by_side
from engine.compare.table import Comparison
from engine.export.figures import document
from engine.protocol.errors import UserError
from tests.helpers import compared


def _file(folder: Path, name: str, comparison: Comparison | None, bits: int = 4) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document(compared.record(bits), comparison)), encoding="utf-8")
    return path


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """The same artefact on a desktop and, at half the speed, on a laptop."""
    desktop = compared.comparison({"cpu": "EPYC", "threads": 2, "torch": "2.13"})
    laptop = compared.comparison({"cpu": "Core i5", "threads": 2, "torch": "2.13"}, fast=20.0)
    return _file(tmp_path, "desktop", desktop), _file(tmp_path, "laptop", laptop)


def test_machines_stand_in_columns_and_no_verdict_is_made(two: tuple[Path, Path]) -> None:
    found = side_by_side([read(path) for path in two])
    assert found.machines == ("desktop", "laptop")
    assert found.models == ("original", "fast (int4)")
    speeds = {
        line.model: [m and m.value for m in line.values]
        for line in found.lines
        if line.name == "decode_tokens_per_second"
    }
    assert speeds == {0: [25, 25], 1: [100, 50]}
    assert found.differing == (("Processor", ("EPYC", "Core i5")),)
    assert found.notices == (APART,)


def test_other_artefacts_are_told(tmp_path: Path, two: tuple[Path, Path]) -> None:
    other = _file(tmp_path, "other", compared.comparison(), bits=8)
    assert "not of one recipe" in side_by_side([read(two[0]), read(other)]).notices[0]
    assert side_by_side([read(two[0]), read(two[0])]).machines == ("desktop 1", "desktop 2")


def test_what_holds_no_figures_is_refused_with_a_remedy(tmp_path: Path, two: tuple[Path, Path]) -> None:
    (tmp_path / "no.json").write_text("[1]")
    for path, words in (
        (tmp_path / "no.json", "holds no figures"),
        (tmp_path / "gone.json", "cannot be read"),
        (_file(tmp_path, "early", None), "before its run was compared"),
    ):
        with pytest.raises(UserError, match=words):
            read(path)
    with pytest.raises(UserError, match="nothing beside it"):
        side_by_side([read(two[0])])


def test_the_command_line_shows_them(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert hasten(["figures", *map(str, two)]) == 0
    said = capsys.readouterr().out
    assert "100 ± 10 tokens/s" in said
    assert "Core i5" in said
    assert APART in said
    assert hasten(["figures", *map(str, two), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lines"][0]["values"][0]["samples"] == 7
