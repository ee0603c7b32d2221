"""What a job's handler is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.passes.base import StepContext
from engine.protocol.errors import Cancelled
from engine.protocol.events import Event, Log, Progress

if TYPE_CHECKING:
    from engine.runtimes.pool import SessionPool


_SETTLED_SECONDS = 0.5  # before that a pace says nothing


class _Pace:
    """How quickly one stretch of work goes; another total, or less done than before, begins a new one."""

    def __init__(self) -> None:
        self._total = self._first = self._last = 0.0
        self._began = 0.0

    def eta(self, done: float, total: float) -> float | None:
        """Seconds until `done` reaches `total`, or None while nobody can tell."""
        now = time.monotonic()
        if total != self._total or done < self._last:
            self._total, self._first, self._began = total, done, now
        self._last = done
        elapsed, made = now - self._began, done - self._first
        return elapsed / made * (total - done) if made > 0 and total > 0 and elapsed > _SETTLED_SECONDS else None


@dataclass(frozen=True)
class JobContext:
    """The handler's side of the channel.

    Attributes:
        job: the job's id.
        emit: send an event; any thread may call it.
        cancelled: whether the user asked to stop.
        sessions: models kept open between jobs, so that a second chat message answers at once.
    """

    job: str
    emit: Callable[[Event], None]
    cancelled: Callable[[], bool]
    sessions: SessionPool
    _paces: dict[tuple[int | None, str], _Pace] = field(default_factory=dict)

    def check(self) -> None:
        """Raise Cancelled if the user asked to stop."""
        if self.cancelled():
            raise Cancelled

    def progress(self, done: float, total: float, text: str = "", *, stage: int | None = None, unit: str = "") -> None:
        """Report `done` of `total` with an ETA from the pace so far; raises Cancelled once asked to stop."""
        self.check()
        eta = self._paces.setdefault((stage, unit), _Pace()).eta(done, total)
        self.emit(Progress(job=self.job, stage=stage, done=done, total=total, unit=unit, text=text, eta_seconds=eta))

    def notice(self, text: str) -> None:
        """Tell the user something in one sentence."""
        self.emit(Log(job=self.job, level="notice", text=text))

    def steps(self, stage: int | None = None, unit: str = "") -> StepContext:
        """This context as passes, builders and converters see it."""
        return StepContext(
            step=lambda done, total, text: self.progress(done, total, text, stage=stage, unit=unit),
            notice=self.notice,
        )
