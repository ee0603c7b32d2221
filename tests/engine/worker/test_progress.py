"""Time left is told from the pace of the stretch of work at hand."""

from __future__ import annotations

import pytest

from engine.jobs import base
from engine.jobs.base import JobContext
from engine.protocol.events import Event, Progress
from engine.runtimes.pool import SessionPool


def test_the_time_left_follows_the_present_stretch_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(base.time, "monotonic", lambda: now)
    events: list[Event] = []
    context = JobContext("a", events.append, lambda: False, SessionPool())

    def eta(seconds: float, done: float, total: float) -> float | None:
        nonlocal now
        now += seconds
        context.progress(done, total)
        assert isinstance(events[-1], Progress)
        return events[-1].eta_seconds

    assert eta(0, 0, 10) is None
    assert eta(2, 1, 10) == pytest.approx(18)
    assert eta(8, 5, 10) == pytest.approx(10)
    assert eta(50, 0, 10) is None  # the same count again, from its beginning: what came before says nothing
    assert eta(1, 1, 10) == pytest.approx(9)
    assert eta(100, 3, 4) is None  # another total; half of it was there already
    assert eta(1, 3.5, 4) == pytest.approx(1)
    assert eta(1, 0, 0) is None
