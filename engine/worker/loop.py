"""The worker's life: read requests in one thread, run one job at a time in the main one."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable

from engine import __version__
from engine.catalogue import load
from engine.jobs.base import JobContext
from engine.jobs.catalog import HANDLERS
from engine.protocol import codec
from engine.protocol.errors import Failure
from engine.protocol.events import Event, Failed, Finished, Log, Ready, Started
from engine.protocol.job import AnyJob
from engine.runtimes.pool import SessionPool
from engine.worker.cancel import Cancellations
from engine.worker.gauge import Gauges

EXIT_GRACE_SECONDS = 10.0


def serve(requests: Iterable[bytes], send: Callable[[Event], None]) -> None:
    """Run the jobs in `requests` until it ends; the job then running is cancelled.

    A job that does not notice within EXIT_GRACE_SECONDS ends with the process: nobody is left to hear it.
    """
    jobs: queue.SimpleQueue[AnyJob | None] = queue.SimpleQueue()
    cancelled = Cancellations()
    done = threading.Event()
    reader = threading.Thread(target=_read, args=(requests, jobs, cancelled, done, send), daemon=True, name="requests")
    send(Ready(protocol=codec.PROTOCOL, version=__version__, pid=os.getpid()))
    sessions = SessionPool()
    reader.start()
    while (job := jobs.get()) is not None:
        execute(job, send, cancelled, sessions)
    sessions.clear()
    done.set()


def execute(job: AnyJob, send: Callable[[Event], None], cancelled: Cancellations, sessions: SessionPool) -> None:
    """Run `job` to its Finished or Failed event. Never raises."""
    send(Started(job=job.id))
    context = JobContext(job=job.id, emit=send, cancelled=lambda: cancelled.requested(job.id), sessions=sessions)
    last: Event
    try:
        with Gauges(job.id, send):
            context.check()
            result = load(HANDLERS[job.kind])(job, context)
        last = Finished(job=job.id, result=result)
        codec.encode(last)  # a result that cannot travel is a bug of that handler, told as one
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        failure = Failure.of(error)
        if failure.code == "not_enough_memory":
            sessions.clear()
        last = Failed(job=job.id, failure=failure)
    cancelled.forget(job.id)
    send(last)


def _read(
    requests: Iterable[bytes],
    jobs: queue.SimpleQueue[AnyJob | None],
    cancelled: Cancellations,
    done: threading.Event,
    send: Callable[[Event], None],
) -> None:
    for line in requests:
        if not line.strip():
            continue
        try:
            request = codec.decode_request(line)
        except codec.ProtocolError as error:
            send(Log(level="warning", text=f"A request was not understood: {error}"))
            continue
        if isinstance(request, codec.Cancel):
            cancelled.request(request.cancel)
        else:
            jobs.put(request)
    cancelled.request_all()
    jobs.put(None)
    if not done.wait(EXIT_GRACE_SECONDS):
        os._exit(1)
