"""Run a job's handler in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.catalogue import load
from engine.jobs.base import JobContext
from engine.jobs.catalog import HANDLERS
from engine.protocol.events import Event, StageChanged
from engine.protocol.job import AnyJob
from engine.runtimes.pool import SessionPool


@dataclass
class Desk:
    """Where a test hands in jobs; keeps the events.

    Attributes:
        stop: asked before every step whether the job shall be cancelled.
    """

    events: list[Event] = field(default_factory=list)
    stop: Callable[[], bool] = lambda: False
    sessions: SessionPool = field(default_factory=SessionPool)

    def run(self, job: AnyJob) -> dict[str, Any]:
        context = JobContext(job=job.id, emit=self.events.append, cancelled=lambda: self.stop(), sessions=self.sessions)
        result: dict[str, Any] = load(HANDLERS[job.kind])(job, context)
        return result

    @property
    def stages(self) -> list[tuple[str, str]]:
        """(name, state) of every stage event, in order."""
        return [(event.name, event.state) for event in self.events if isinstance(event, StageChanged)]
