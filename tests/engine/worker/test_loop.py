"""The worker's loop fed by hand."""

from __future__ import annotations

import pytest

from engine.jobs.catalog import HANDLERS
from engine.protocol import codec
from engine.protocol.events import Event, Failed, Finished, Log, Ready, Started
from engine.protocol.job import InspectJob
from engine.worker import loop


@pytest.fixture(autouse=True)
def _handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HANDLERS, "inspect", "tests.helpers.worker:handle")


def test_a_line_that_is_no_request_is_told_and_passed_over() -> None:
    seen: list[Event] = []
    job = InspectJob(checkpoint="fine")
    lines = [b"nonsense\n", b"\n", b'{"kind":"run"}\n', codec.encode(job)]

    def requests():  # type: ignore[no-untyped-def]
        yield from lines
        while not any(isinstance(event, Finished) for event in seen):  # the end of stdin would cancel the job
            pass

    loop.serve(requests(), seen.append)
    assert isinstance(seen[0], Ready)
    assert seen[0].protocol == codec.PROTOCOL
    assert sum(isinstance(event, Log) for event in seen) == 2
    assert isinstance(seen[-1], Finished)


def test_the_end_of_stdin_cancels_the_running_job() -> None:
    seen: list[Event] = []
    loop.serve([codec.encode(InspectJob(checkpoint="wait"))], seen.append)
    assert isinstance(seen[-1], Failed)
    assert seen[-1].failure.kind == "cancelled"


def test_a_job_cancelled_before_it_starts_never_runs() -> None:
    seen: list[Event] = []
    job = InspectJob(checkpoint="bug")
    loop.serve([codec.encode(codec.Cancel(cancel=job.id)), codec.encode(job)], seen.append)
    assert [type(event) for event in seen] == [Ready, Started, Failed]
    assert isinstance(seen[-1], Failed)
    assert seen[-1].failure.kind == "cancelled"
