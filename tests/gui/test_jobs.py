"""The job queue with the real engine process: results, failures, cancelling, dying, shutting down."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from engine.protocol.errors import Failure
from engine.protocol.events import Event, Started
from engine.protocol.job import HubSearchJob, InspectJob, RunJob
from engine.recipe.recipe import Recipe
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle

RECIPE = Recipe.parse({"passes": [{"pass": "quantize"}]})


@pytest.fixture
def jobs(qtbot: QtBot) -> Iterator[JobRunner]:
    made = JobRunner()
    yield made
    made.close()
    # one that waited for a cancelled job looks now and then whether that has ended
    qtbot.waitUntil(lambda: not [t for t in threading.enumerate() if t.name.startswith(("engine", "worker"))])


def _ended(qtbot: QtBot, handle: Handle) -> None:
    qtbot.waitUntil(lambda: handle.ended, timeout=60_000)


def test_jobs_run_one_after_another_and_say_so(qtbot: QtBot, jobs: JobRunner, tiny_llama: Path) -> None:
    first, second = (jobs.submit(InspectJob(checkpoint=str(tiny_llama))) for _ in range(2))
    results: list[dict[str, Any]] = []
    states: list[tuple[str, str]] = []
    for name, handle in (("first", first), ("second", second)):
        handle.finished.connect(results.append)
        handle.state_changed.connect(lambda state, name=name: states.append((name, state)))
    assert (first.state, second.state) == ("queued", "queued")
    _ended(qtbot, second)
    assert states == [("first", "running"), ("first", "finished"), ("second", "running"), ("second", "finished")]
    assert [result["architecture"] for result in results] == ["LlamaForCausalLM"] * 2
    assert jobs.current is None


def test_a_user_error_arrives_with_its_code(qtbot: QtBot, jobs: JobRunner, tmp_path: Path) -> None:
    handle = jobs.submit(InspectJob(checkpoint=str(tmp_path)))
    with qtbot.waitSignal(handle.failed, timeout=60_000) as caught:
        pass
    assert caught.args[0].code == "not_a_checkpoint"
    assert handle.state == "failed"


def test_a_queued_job_can_be_cancelled(qtbot: QtBot, jobs: JobRunner, tiny_llama: Path) -> None:
    first = jobs.submit(InspectJob(checkpoint=str(tiny_llama)))
    second = jobs.submit(InspectJob(checkpoint=str(tiny_llama)))
    third = jobs.submit(InspectJob(checkpoint=str(tiny_llama)))
    seen: list[list[Event]] = []
    second.events.connect(seen.append)
    jobs.cancel(second)
    assert second.state == "cancelled"
    assert second.failure is not None
    assert second.failure.kind == "cancelled"
    _ended(qtbot, third)
    assert (first.state, third.state, seen) == ("finished", "finished", [])


def test_nothing_arrives_after_a_cancel(qtbot: QtBot, jobs: JobRunner, tiny_llama: Path) -> None:
    handle = jobs.submit(RunJob(checkpoint=str(tiny_llama), recipe=RECIPE))
    late: list[object] = []
    with qtbot.waitSignal(handle.events, timeout=60_000):
        pass
    jobs.cancel(handle)
    handle.events.connect(late.append)
    handle.finished.connect(late.append)
    after = jobs.submit(InspectJob(checkpoint=str(tiny_llama)))
    _ended(qtbot, after)
    assert after.state == "finished"
    assert (handle.state, late) == ("cancelled", [])


def test_killed_engine_fails_the_job_and_the_next_gets_a_fresh_one(
    qtbot: QtBot, jobs: JobRunner, tiny_llama: Path
) -> None:
    handle = jobs.submit(RunJob(checkpoint=str(tiny_llama), recipe=RECIPE))
    failures: list[Failure] = []
    handle.failed.connect(failures.append)

    def kill(batch: list[Event]) -> None:
        if any(isinstance(event, Started) for event in batch):
            os.kill(jobs._client.pid, signal.SIGKILL)  # type: ignore[union-attr]

    handle.events.connect(kill)
    _ended(qtbot, handle)
    assert [failure.code for failure in failures] == ["worker_died"]
    again = jobs.submit(RunJob(checkpoint=str(tiny_llama), recipe=RECIPE))
    _ended(qtbot, again)
    assert again.state == "finished"


def test_closing_in_the_middle_ends_everything(qtbot: QtBot, tiny_llama: Path) -> None:
    runner = JobRunner()
    running = runner.submit(RunJob(checkpoint=str(tiny_llama), recipe=RECIPE))
    waiting = runner.submit(HubSearchJob(words="tiny"))
    with qtbot.waitSignal(running.events, timeout=60_000):
        pass
    pid = runner._client.pid  # type: ignore[union-attr]
    runner.close()
    assert (running.state, waiting.state) == ("cancelled", "cancelled")
    assert not any(thread.name == "engine" for thread in threading.enumerate())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
