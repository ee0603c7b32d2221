"""What tests of the window need: a client that answers from a script instead of an engine process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from engine.protocol.errors import Cancelled, Failure
from engine.protocol.events import Event, Failed, Finished
from engine.protocol.job import AnyJob

Answer = Callable[[AnyJob], list[Event]]


class ScriptedClient:
    """Answers jobs by kind; a kind without an answer waits until it is cancelled.

    Attributes:
        jobs: what was asked, in order.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.jobs: list[AnyJob] = []
        self._stop = threading.Event()

    def answer(self, kind: str, *events: Event) -> None:
        """Answer jobs of `kind` with `events`."""
        self.answers[kind] = lambda job: list(events)

    def run(self, job: AnyJob) -> Iterator[Event]:
        self.jobs.append(job)
        self._stop.clear()
        if job.kind in self.answers:
            yield from self.answers[job.kind](job)
        else:
            self._stop.wait(60)
            yield Failed(job=job.id, failure=Failure.of(Cancelled()))

    def cancel(self, job_id: str) -> None:
        self._stop.set()

    def close(self) -> None:
        self._stop.set()


def finished(**result: object) -> Finished:
    """A job's success."""
    return Finished(result=result)
