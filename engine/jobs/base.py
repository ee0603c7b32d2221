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
    _clock: dict[tuple[int | None, str], float] = field(default_factory=dict)

    def check(self) -> None:
        """Raise Cancelled if the user asked to stop."""
        if self.cancelled():
            raise Cancelled

    def progress(self, done: float, total: float, text: str = "", *, stage: int | None = None, unit: str = "") -> None:
        """Report `done` of `total` with an ETA from the pace so far; raises Cancelled once asked to stop."""
        self.check()
        now = time.monotonic()
        began = self._clock.setdefault((stage, unit), now)
        eta = (now - began) / done * (total - done) if done > 0 and total > 0 and now - began > 0.5 else None
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
