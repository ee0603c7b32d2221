"""The near side of the worker: starts the engine process, sends it jobs, yields its events, survives its death."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from pydantic import BaseModel

from engine.parallel import tuning
from engine.protocol import codec
from engine.protocol.errors import Failure
from engine.protocol.events import Event, Failed, Finished, Ready
from engine.protocol.job import AnyJob

STDERR_LINES = 200
KILL_AFTER_SECONDS = 5.0


class WorkerClient:
    """One engine process, started with the first job, kept warm between jobs, replaced after it died.

    One thread runs jobs, one at a time; any thread may cancel or close.

    Attributes:
        grace: seconds that a cancelled job gets to end by itself before the process is terminated.
    """

    def __init__(self, command: Sequence[str] | None = None, *, grace: float = 10.0, echo: bool = False) -> None:
        """`command` replaces the usual way to start a worker; `echo` copies its stderr to ours."""
        self.grace = grace
        self._command = list(command) if command else [sys.executable, "-P", "-m", "engine.worker"]
        self._echo = echo
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._drain: threading.Thread | None = None
        self._lock = threading.Lock()
        self._current: str | None = None
        self._cancelled: set[str] = set()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process id of the living worker, or None."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the worker now if none is alive, so that the first job need not wait for it."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this client is closed")
            if self.pid is None:
                self._spawn()

    def run(self, job: AnyJob) -> Iterator[Event]:
        """Run `job`, yielding its events; the last is Finished or Failed, whatever happens to the process.

        Leaving the iteration early cancels the job.
        """
        with self._lock:
            if self._current is not None:
                raise RuntimeError(f"job {self._current} is still running")
            self._current = job.id
        ended = False
        try:
            for event in self._events(job):
                ended = isinstance(event, (Finished, Failed))
                yield event
                if ended:
                    return
        finally:
            if not ended:
                self.cancel(job.id)
                for _ in self._rest(job.id):
                    pass
            with self._lock:
                self._current = None
                self._cancelled.discard(job.id)

    def cancel(self, job_id: str) -> None:
        """Ask job `job_id` to stop; after the grace period the process is terminated, then killed. Does not wait."""
        with self._lock:
            if self._current != job_id or job_id in self._cancelled:
                return
            self._cancelled.add(job_id)
            process = self._process
            if process is None:
                return
            self._send(process, codec.Cancel(cancel=job_id))
        threading.Thread(target=self._enforce, args=(process, job_id), daemon=True, name="worker-grace").start()

    def close(self) -> None:
        """End the worker: closing its stdin asks, then terminate, then kill. The client cannot be used again."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        _end(process, self.grace)
        if self._current is None:  # else the thread that runs the job lets go of it
            self._forget(process)

    # The job's events ------------------------------------------------------------------------------------------

    def _events(self, job: AnyJob) -> Iterator[Event]:
        idle = self.pid is not None  # it may have died, or die now, before it hears of the job: a fresh one gets it
        while True:
            try:
                self._hand_over(job)
            except OSError as error:
                yield self._failed(
                    job.id, f"The engine process cannot be started: {error}.", "Repair the installation."
                )
                return
            for event in self._rest(job.id):
                if idle and isinstance(event, Failed) and event.failure.code == "worker_died":
                    break
                idle = False
                yield event
            else:
                return
            idle = False

    def _hand_over(self, job: AnyJob) -> None:
        """Send `job` to a living worker. If that dies meanwhile, the end of its output tells."""
        stale = self._process
        if stale is not None and stale.poll() is not None:
            self._forget(stale)
        self.start()
        with self._lock:
            if self._process is not None:
                self._send(self._process, job)
        if job.id in self._cancelled:  # cancelled before the worker knew of it
            with self._lock:
                self._cancelled.discard(job.id)
            self.cancel(job.id)

    def _rest(self, job_id: str) -> Iterator[Event]:
        process = self._process
        if process is None or process.stdout is None:
            return
        for line in process.stdout:
            try:
                event = codec.decode_event(line)
            except codec.ProtocolError as error:
                _end(process, 0.0)
                self._forget(process)
                yield self._failed(
                    job_id, "The engine process spoke another protocol.", "Repair the installation.", error
                )
                return
            if isinstance(event, Ready):
                if event.protocol != codec.PROTOCOL:
                    _end(process, 0.0)
                    self._forget(process)
                    yield self._failed(
                        job_id,
                        f"The engine speaks protocol {event.protocol}, this program {codec.PROTOCOL}.",
                        "Install the same version of both.",
                    )
                    return
                continue
            if event.job != job_id:
                continue  # a late event of an earlier job
            yield event
            if isinstance(event, (Finished, Failed)):
                return
        process.wait()
        self._forget(process)
        yield self._death(job_id, process.returncode)

    def _death(self, job_id: str, code: int) -> Failed:
        if job_id in self._cancelled or self._closed:
            return Failed(job=job_id, failure=Failure.of(KeyboardInterrupt()))
        kind = "user"
        remedy = "Run it again: finished stages are kept."
        if code == -9 and sys.platform != "win32":
            cause = "The engine process was killed (SIGKILL), probably because the computer ran out of memory."
            remedy = "Close other programs or choose a smaller model, then run it again: finished stages are kept."
        elif code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            cause = f"The engine process was ended by {name}."
            kind = "user" if name in ("SIGTERM", "SIGINT", "SIGHUP") else "bug"
        else:
            cause, kind = f"The engine process ended unexpectedly with code {code}.", "bug"
        return self._failed(job_id, cause, remedy, kind=kind)

    def _failed(
        self, job_id: str, cause: str, remedy: str, error: Exception | None = None, *, kind: str = "bug"
    ) -> Failed:
        details = "\n".join([*self._stderr, *([str(error)] if error else [])])
        return Failed(
            job=job_id,
            failure=Failure.model_validate(
                {"kind": kind, "cause": cause, "remedy": remedy, "code": "worker_died", "traceback": details or None}
            ),
        )

    # The process -----------------------------------------------------------------------------------------------

    def _spawn(self) -> None:
        root = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
        environment = {
            **tuning.engine_variables(),
            "PYTHONPATH": search,
            "PYTHONFAULTHANDLER": "1",
            "PYTHONIOENCODING": "utf-8",
        }
        self._stderr.clear()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            # Its own group: Ctrl-C in the terminal reaches only us, and killing reaches its children too.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if sys.platform == "win32" else 0,
        )
        assert self._process.stderr is not None
        self._drain = threading.Thread(
            target=self._keep, args=(self._process.stderr,), daemon=True, name="worker-stderr"
        )
        self._drain.start()

    def _keep(self, stream: IO[bytes]) -> None:
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip()
            self._stderr.append(line)
            if self._echo:
                print(line, file=sys.stderr)

    def _send(self, process: subprocess.Popen[bytes], message: BaseModel) -> bool:
        assert process.stdin is not None
        try:
            process.stdin.write(codec.encode(message))
            process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def _enforce(self, process: subprocess.Popen[bytes], job_id: str) -> None:
        """End the process if the cancelled job outlives the grace period."""
        waited = threading.Event()
        steps = max(1, int(self.grace / 0.05))
        for _ in range(steps):
            if self._current != job_id or process.poll() is not None:
                return
            waited.wait(0.05)
        if self._current == job_id:
            _end(process, 0.0)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        """Let go of a dead process, its pipes and its stderr thread."""
        if self._drain is not None:
            self._drain.join(timeout=2)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with self._lock:
            if self._process is process:
                self._process = None


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Wait `patience` seconds, then terminate the process and its children, then kill them."""
    try:
        process.wait(timeout=patience)
        return
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGTERM)
    try:
        process.wait(timeout=KILL_AFTER_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
