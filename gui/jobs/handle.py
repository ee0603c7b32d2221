"""One submitted job, as pages see it."""

from __future__ import annotations

from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from engine.protocol.errors import Failure
from engine.protocol.events import Event, Failed, Finished
from engine.protocol.job import AnyJob

State = Literal["queued", "running", "finished", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"finished", "failed", "cancelled"})


class Handle(QObject):
    """A job on its way through the queue. Lives in the window's thread.

    Attributes:
        job: what was asked.
        state: "queued", "running", then one of "finished", "failed", "cancelled".
        result: the job's JSON document once it finished.
        failure: why it ended without a result.

    Signals:
        state_changed(str): the new state, before the signal that carries its outcome.
        events(list): a batch of engine events in order, at most 30 batches a second; never after a cancel.
        finished(dict): the result.
        failed(Failure): the reason; kind "cancelled" when the user stopped it.
    """

    state_changed = Signal(str)
    events = Signal(list)
    finished = Signal(dict)
    failed = Signal(object)

    def __init__(self, job: AnyJob, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self.state: State = "queued"
        self.result: dict[str, Any] | None = None
        self.failure: Failure | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ENDED

    def start(self) -> None:
        """The engine process has taken the job up."""
        if self.state == "queued":
            self._enter("running")

    def deliver(self, batch: list[Event]) -> None:
        """Hand `batch` to the pages; its terminal event, if there is one, ends the job."""
        if self.ended or not batch:
            return
        self.start()
        self.events.emit(batch)
        last = batch[-1]
        if isinstance(last, Finished):
            self.result = last.result
            self._enter("finished")
            self.finished.emit(last.result)
        elif isinstance(last, Failed):
            self.end(last.failure)

    def end(self, failure: Failure) -> None:
        """End without a result. Does nothing on a job that has ended."""
        if self.ended:
            return
        self.failure = failure
        self._enter("cancelled" if failure.kind == "cancelled" else "failed")
        self.failed.emit(failure)

    def _enter(self, state: State) -> None:
        self.state = state
        self.state_changed.emit(state)
