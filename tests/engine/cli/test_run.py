"""`hasten run` from end to end, and what it says when the engine process dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.protocol.events import Event, StageChanged
from engine.protocol.job import AnyJob
from engine.runs.store import RunStore
from engine.runtimes.base import MANIFEST
from engine.worker.client import WorkerClient
from tests.engine.cli.conftest import Answer

Hasten = Callable[..., Answer]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: both\npasses: [{pass: prune_magnitude}, {pass: quantize}]", encoding="utf-8")
    return path


def test_a_run_that_dies_is_told_and_the_same_command_goes_on(
    hasten: Hasten, tiny_llama: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = WorkerClient.run

    def killed(self: WorkerClient, job: AnyJob) -> Iterator[Event]:
        for event in whole(self, job):
            yield event
            if isinstance(event, StageChanged) and (event.index, event.state) == (1, "running"):
                assert self.pid is not None
                os.kill(self.pid, signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(WorkerClient, "run", killed)
        died = hasten("run", tiny_llama, "--recipe", recipe, "--set", "quantize.bits=4")
    assert (died.code, died.out) == (2, "")
    assert "SIGKILL" in died.err.splitlines()[-1]
    assert "finished stages are kept" in died.err.splitlines()[-1]
    assert RunStore().list() == []

    out = tmp_path / "out"
    answer = hasten("run", tiny_llama, "--recipe", recipe, "--set", "quantize.bits=4", "--out", out, "--json")
    assert answer.code == 0
    assert [stage["state"] for stage in answer.json["stages"]] == ["cached", "done", "done"]
    assert (out / MANIFEST).is_file()
    record = RunStore().get(answer.json["run"])
    assert str(record.artefact_folder) == answer.json["artefact"]
    assert record.recipe.passes[1].options == {"bits": 4}
    assert "Quantize: done in" in answer.err


def test_without_json_only_the_run_id_is_on_stdout(hasten: Hasten, tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text("version: 1\n", encoding="utf-8")
    answer = hasten("run", tiny_llama, "--recipe", tmp_path / "plain.yaml")
    assert answer.code == 0
    assert answer.out.strip() == RunStore().list()[0].id
