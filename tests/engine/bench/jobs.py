"""Run a job's handler in this process and keep its events."""

from __future__ import annotations

from collections.abc import Callable

from engine.jobs.base import JobContext
from engine.protocol.events import Event
from engine.runtimes.pool import SessionPool


def context_with(events: list[Event], cancelled: Callable[[], bool] = lambda: False) -> JobContext:
    """A context whose events land in `events`."""
    return JobContext("job", events.append, cancelled, SessionPool())
