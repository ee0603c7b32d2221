"""Measuring the machine: real processes race, what they find is kept, and a cancelled race leaves nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from engine import paths
from engine.bench import settings_race
from engine.bench.settings_race import Race, race
from engine.bench.stand_in import write_stand_in
from engine.jobs import tune_machine
from engine.jobs.tune_machine import thread_counts
from engine.parallel import placement, tuning
from engine.parallel.tuning import MachineTuning, Setting
from engine.protocol.errors import Cancelled, UserError
from engine.protocol.events import Log
from engine.protocol.job import TuneMachineJob
from tests.helpers.jobs import Desk

ONE = Setting(threads=1)
PROMPTS = [np.arange(4, 12, dtype=np.int64)] * 2


def runners() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "engine.parallel.replica" in " ".join(child.cmdline())]


def test_every_setting_answers_in_every_round_in_a_process_of_its_own(tiny_llama: Path) -> None:
    asked: list[Setting] = []
    settings = [ONE, Setting(threads=1, huge_pages=True)]
    made = race(tiny_llama, settings, placement.usable_cpus(), PROMPTS, 4, lambda: None, asked.append)
    assert [len(own) for own in made.seconds] == [2, 2]
    assert all(seconds > 0 for own in made.seconds for seconds in own)
    assert asked.count(settings[0]) == asked.count(settings[1]) == 2
    assert not runners()


def test_cancelling_a_race_ends_its_processes(tiny_llama: Path) -> None:
    answered: list[Setting] = []

    def check() -> None:
        if answered:
            raise Cancelled

    with pytest.raises(Cancelled):
        race(tiny_llama, [ONE], placement.usable_cpus(), PROMPTS, 4, check, answered.append)
    assert not runners()


def test_a_model_that_does_not_open_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError):
        race(tmp_path, [ONE], placement.usable_cpus(), PROMPTS, 4, lambda: None)


@pytest.mark.slow
@pytest.mark.usefixtures("all_cpus")
def test_the_job_measures_a_real_model_and_keeps_what_it_found(tiny_llama: Path) -> None:
    desk = Desk()
    job = TuneMachineJob(runtimes=("transformers",), checkpoint=str(tiny_llama), rounds=3, new_tokens=4)
    result = MachineTuning.model_validate(desk.run(job))
    assert tuning.read() == result
    tuned = result.runtimes["transformers"]
    assert tuned.default == Setting(threads=placement.physical_cores())
    assert tuned.trials[0].setting == tuned.default
    assert {trial.setting.threads for trial in tuned.trials} >= set(range(1, tuned.default.threads + 1))
    assert not list((paths.home() / "cache").iterdir())


@pytest.mark.parametrize(("others", "proven"), [(0.0, True), (60.0, False)])
def test_only_a_difference_that_nothing_disturbed_is_proven(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch, others: float, proven: bool
) -> None:
    best = Setting(threads=1)
    monkeypatch.setattr(placement, "physical_cores", lambda: 2)
    monkeypatch.setattr(tuning, "huge_pages_on_request", lambda: False)
    monkeypatch.setattr(tuning, "has_siblings", lambda: False)
    pace = {1: 0.01, 2: 0.02}

    def paced(folder: Path, settings: list[Setting], *rest: object) -> Race:
        return Race(
            [[pace.get(setting.threads, 0.03) * (1 + n / 100) for n in range(5)] for setting in settings], others
        )

    monkeypatch.setattr(tune_machine, "race", paced)
    monkeypatch.setattr(settings_race.Runner, "__init__", lambda *given: None)
    monkeypatch.setattr(settings_race.Runner, "close", lambda self: None)
    desk = Desk()
    job = TuneMachineJob(runtimes=("transformers",), checkpoint=str(tiny_llama), rounds=5)
    tuned = MachineTuning.model_validate(desk.run(job)).runtimes["transformers"]
    assert (tuned.best, tuned.proven, tuned.others_percent) == (best, proven, others)
    assert placement.suggested_threads(runtime="transformers") == (1 if proven else 2)
    assert any(isinstance(event, Log) and "60 %" in event.text for event in desk.events) is not proven


def test_few_cores_are_all_tried_and_many_in_steps() -> None:
    assert thread_counts(2, 4) == (1, 2, 4)
    assert thread_counts(4, 4) == (1, 2, 3, 4)
    assert thread_counts(16, 32) == (1, 2, 4, 8, 12, 16, 32)


def test_the_stand_in_is_a_decoder_with_weights_in_float32(tmp_path: Path) -> None:
    from engine.checkpoint.inspect import inspect

    info = inspect(write_stand_in(tmp_path / "model", hidden=64, layers=1, vocabulary=64))
    assert (info.task, set(info.bytes_by_dtype)) == ("text-generation", {"F32"})
