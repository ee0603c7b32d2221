"""The job queue: a thread owns the engine process, decodes its events and hands them over in batches."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from engine.protocol.errors import Cancelled, Failure
from engine.protocol.events import Event, Failed, Finished
from engine.protocol.job import AnyJob
from gui.jobs.handle import Handle

BATCHES_PER_SECOND = 30
GRACE_SECONDS = 4.0


class Client(Protocol):
    """What the queue needs of an engine process, near or far (engine.worker.client.WorkerClient here)."""

    def run(self, job: AnyJob) -> Iterator[Event]:
        """Start `job` and yield its events; the last is Finished or Failed."""

    def cancel(self, job_id: str) -> None:
        """Ask to stop; called from another thread than run."""

    def close(self) -> None:
        """End the process and wait for it."""


def local_client() -> Client:
    """An engine process on this machine."""
    from engine.worker.client import WorkerClient

    return WorkerClient(grace=GRACE_SECONDS)


class JobRunner(QObject):
    """Runs jobs one after another in the engine process.

    The thread starts with the first job. The client replaces an engine process that died when the next job comes.

    Signals:
        current_changed(object): the Handle that runs now, or None when the queue is empty.
        queue_changed(int): how many jobs wait behind it.
    """

    current_changed = Signal(object)
    queue_changed = Signal(int)
    _arrived = Signal()

    def __init__(self, connect: Callable[[], Client] = local_client, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._connect = connect
        self._client: Client | None = None
        self._thread: threading.Thread | None = None
        self._jobs: queue.SimpleQueue[Handle | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._inbox: list[tuple[Handle, Event | None]] = []  # None: the thread took the job up
        self._cancelled: set[str] = set()
        self._waiting: list[Handle] = []
        self._current: Handle | None = None  # as the window knows it
        self._running: Handle | None = None  # as the thread knows it
        self._closed = False
        self._last = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._deliver)
        self._arrived.connect(self._schedule)

    # For pages ------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Handle | None:
        """The handle of the job that runs now."""
        return self._current

    def submit(self, job: AnyJob) -> Handle:
        """Queue `job`; connect to the handle's signals before returning to the event loop and nothing is missed."""
        if self._closed:
            raise RuntimeError("the job queue is closed")
        handle = Handle(job, self)
        self._waiting.append(handle)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
            self._thread.start()
        self._jobs.put(handle)
        self.queue_changed.emit(len(self._waiting))
        return handle

    def cancel(self, handle: Handle) -> None:
        """Stop `handle`, running or queued. It ends at once; what the engine still sends is dropped."""
        if handle.ended:
            return
        with self._lock:
            self._cancelled.add(handle.job.id)
            client = self._client if self._running is handle else None
        if client is not None:
            client.cancel(handle.job.id)
        if handle in self._waiting:
            self._waiting.remove(handle)
            self.queue_changed.emit(len(self._waiting))
        handle.end(Failure.of(Cancelled()))

    def close(self) -> None:
        """Stop everything and wait for thread and process to end."""
        if self._closed:
            return
        self._closed = True
        for handle in [*self._waiting, *([self._current] if self._current else [])]:
            self.cancel(handle)
        with self._lock:
            client = self._client
        if client is not None:
            client.close()
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()
        self._timer.stop()

    # In the window's thread -----------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._timer.isActive() and not self._closed:
            due = self._last + 1 / BATCHES_PER_SECOND - time.monotonic()
            self._timer.start(max(0, round(due * 1000)))

    def _deliver(self) -> None:
        self._last = time.monotonic()
        with self._lock:
            inbox, self._inbox = self._inbox, []
        batches: dict[str, tuple[Handle, list[Event]]] = {}
        for handle, event in inbox:
            batch = batches.setdefault(handle.job.id, (handle, []))[1]
            if event is not None:
                batch.append(event)
        for handle, batch in batches.values():
            if handle in self._waiting:
                self._waiting.remove(handle)
                self._current = handle
                handle.start()
                self.queue_changed.emit(len(self._waiting))
                self.current_changed.emit(handle)
            handle.deliver(batch)
            if batch and isinstance(batch[-1], (Finished, Failed)) and self._current is handle:
                self._current = None
                self.current_changed.emit(None)

    # In the engine's thread -----------------------------------------------------------------------------------

    def _work(self) -> None:
        while (handle := self._jobs.get()) is not None:
            with self._lock:
                skip = handle.job.id in self._cancelled or self._closed
            if not skip:
                self._run(handle)
        if self._client is not None:
            self._client.close()

    def _run(self, handle: Handle) -> None:
        self._post(handle, None)
        job = handle.job
        try:
            client = self._client or self._connect()
            with self._lock:
                self._client, self._running = client, handle
            end = self._relay(handle, client)
        except Exception as error:
            self._drop_client()
            end = Failed(job=job.id, failure=Failure.of(error))
        with self._lock:
            self._running = None
        self._post(handle, end)

    def _relay(self, handle: Handle, client: Client) -> Event:
        """Pass on the job's events; returns the last one."""
        asked = False
        if handle.job.id in self._cancelled:
            return Failed(job=handle.job.id, failure=Failure.of(Cancelled()))
        for event in client.run(handle.job):
            if isinstance(event, (Finished, Failed)):
                return event
            self._post(handle, event)
            if not asked and handle.job.id in self._cancelled:
                asked = True  # again: the first request may have overtaken the job
                client.cancel(handle.job.id)
        raise RuntimeError("the engine process ended the job without saying how")

    def _drop_client(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _post(self, handle: Handle, event: Event | None) -> None:
        with self._lock:
            self._inbox.append((handle, event))
            first = len(self._inbox) == 1
        if first and not self._closed:
            self._arrived.emit()
