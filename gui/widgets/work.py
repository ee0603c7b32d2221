"""A view's one job at a time: how far it is, its Cancel, what went wrong, and a way to try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.protocol.errors import Failure
from engine.protocol.job import AnyJob
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle
from gui.messages.card import FailureCard
from gui.widgets.progress import ProgressCard


class Work(QObject):
    """Follows one job after another for `parent`, which places the two cards.

    Attributes:
        progress: hidden unless a job is queued or in progress; its Cancel cancels.
        failure: why the last job gave nothing, hidden otherwise; its remedy calls `start` again.

    Signals:
        changed: a job began, or ended in whichever way.
        finished(dict): the job's result, after which `changed` comes.
    """

    changed = Signal()
    finished = Signal(dict)

    def __init__(self, jobs: JobRunner, start: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._handle: Handle | None = None
        self.progress, self.failure = ProgressCard(), FailureCard("retry", "resume")
        self.progress.cancelled.connect(self.cancel)
        self.failure.remedy.connect(lambda _: start())

    @property
    def busy(self) -> bool:
        """Whether a job is queued or in progress."""
        return self._handle is not None

    def submit(self, job: AnyJob, title: str) -> Handle:
        """Give `job` to the engine and show its progress under `title`; a job before it is cancelled."""
        self.cancel()
        self.failure.clear()
        handle = self._handle = self._jobs.submit(job)
        handle.finished.connect(self._on_finished)
        handle.failed.connect(self._on_failed)
        self.progress.follow(handle, title)
        self.changed.emit()
        return handle

    def cancel(self) -> None:
        """Stop the job, if there is one."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            self._jobs.cancel(handle)  # which ends it, and `_on_failed` tells so

    def _on_finished(self, result: dict[str, Any]) -> None:
        self._handle = None
        self.finished.emit(result)
        self.changed.emit()

    def _on_failed(self, failure: Failure) -> None:
        self._handle = None
        if failure.kind != "cancelled":
            self.failure.show_failure(failure)
        self.changed.emit()
