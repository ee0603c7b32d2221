"""Which jobs were asked to stop: set by the reader thread, polled by the job."""

from __future__ import annotations

import threading


class Cancellations:
    """The ids of cancelled jobs. A request may come before its job starts."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._all = threading.Event()

    def request(self, job_id: str) -> None:
        """Ask job `job_id` to stop."""
        self._ids.add(job_id)

    def request_all(self) -> None:
        """Ask every job, present and future, to stop."""
        self._all.set()

    def requested(self, job_id: str) -> bool:
        """Whether job `job_id` was asked to stop."""
        return self._all.is_set() or job_id in self._ids

    def forget(self, job_id: str) -> None:
        """Job `job_id` has ended."""
        self._ids.discard(job_id)
