"""llama.cpp in a process of its own, which its AMX kernels need.

* llama.cpp configures the AMX tiles of a thread once. torch and OpenVINO configure them anew and give them up, after
  which llama.cpp's next instruction on that thread is illegal.
* On threads beside torch's, OpenMP counts more threads than processors and lets all of them sleep at every barrier.
* A GCC before 13.2 breaks the kernels unless it is told otherwise (llama.cpp issue 20824): a process may crash, and
  another one does without them.

It takes memory in huge pages where the system grants them on request: SmolLM2-135M in 4 bits decoded a tenth faster.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np

from engine.parallel.tuning import variables
from engine.protocol.errors import Failure, UserError
from engine.runtimes.base import Artefact, Floats, Ids, OpenRequest, Session
from engine.runtimes.limits import context_length, ending_tokens

_TRIED = 33  # tokens: more than one tile holds
_SHARED = 4 << 20  # bytes of logits that go through shared memory; more go through the pipe
_GRACE = 5.0  # seconds
_REMARK = (
    "llama.cpp's kernels for AMX crash as they are compiled here, so slower ones run: compile llama-cpp-python with "
    "GCC 13.2 or later, or with CXXFLAGS=“-fno-dse -fno-tree-dse”."
)


class _Ended(Exception):
    """The process is no more."""


class ApartSession(Session):
    """A decoder on llama.cpp in a child process. Calls are passed on; logits come back in shared memory."""

    _crashes = False  # whether the kernels for AMX were seen to crash in the life of this process

    def __init__(self, request: OpenRequest) -> None:
        """Raises UserError where the model does not open."""
        self.folder, self.task, self.runtime = request.folder, request.artefact.task, request.artefact.runtime
        self.device, self.weight_bytes = request.device, request.artefact.weight_bytes
        self.eos = ending_tokens(request.folder)
        self._memory = SharedMemory(create=True, size=_SHARED)
        try:
            self.context_length = min(context_length(request.folder), self._open(request))
        except BaseException:
            self.close()
            raise
        if ApartSession._crashes:
            self.remark = _REMARK
            request.notice(_REMARK)

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        """Start a new sequence; see Session."""
        return self._floats("prefill", ids, mask)

    def decode(self, ids: Ids) -> Floats:
        """Append one token per row; see Session."""
        return self._floats("decode", ids)

    def extend(self, ids: Ids) -> Floats:
        """Append several tokens per row; see Session."""
        return self._floats("extend", ids)

    def rewind(self, count: int) -> None:
        """Forget the last positions; see Session."""
        self._ask("rewind", count)

    def logits(self, ids: Ids) -> Floats:
        """The logits of every position; see Session."""
        return self._floats("logits", ids)

    def close(self) -> None:
        """End the process."""
        self._stop()
        self._memory.close()
        with contextlib.suppress(FileNotFoundError):  # closed before
            self._memory.unlink()

    def _open(self, request: OpenRequest) -> int:
        """Start the process; the most positions that the model was made for."""
        manifest = request.artefact.model_dump_json()
        if not ApartSession._crashes:
            self._start(manifest, request, amx=True)
            try:
                return int(self._call("open", _TRIED))
            except _Ended:
                ApartSession._crashes = True
                self._stop()
        self._start(manifest, request, amx=False)
        return int(self._ask("open", 0))

    def _start(self, manifest: str, request: OpenRequest, *, amx: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, self._memory.name, request.folder, manifest, request.threads, request.device, amx)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        before = os.environ.copy()
        os.environ.update(variables(huge_pages=True))  # what it takes memory in is settled when a process starts
        try:
            self._process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        theirs.close()

    def _stop(self) -> None:
        if not hasattr(self, "_process"):
            return
        self._pipe.close()  # which ends it
        self._process.join(_GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _floats(self, name: str, *arguments: Any) -> Floats:
        shape: tuple[int, ...] = self._ask(name, *arguments)
        if 4 * int(np.prod(shape)) > _SHARED:
            return np.frombuffer(self._pipe.recv_bytes(), np.float32).reshape(shape).copy()
        return np.ndarray(shape, np.float32, self._memory.buf).copy()

    def _ask(self, name: str, *arguments: Any) -> Any:
        try:
            return self._call(name, *arguments)
        except _Ended as error:
            raise UserError(
                f"llama.cpp's process has ended (exit code {self._process.exitcode}).",
                "Start again; if it ends once more, close other programs, for memory may have run out.",
                where=str(self.folder),
                code="worker_died",
            ) from error

    def _call(self, name: str, *arguments: Any) -> Any:
        """What the process answers; its errors are raised here. Raises _Ended."""
        try:
            self._pipe.send((name, arguments))
            found = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(_GRACE)
            raise _Ended from error
        if isinstance(found, ValueError):
            raise found
        if isinstance(found, Failure):
            raise RuntimeError(found.traceback) if found.kind == "bug" else found.to_error()
        return found


def _serve(
    pipe: Connection, memory: str, folder: Path, manifest: str, threads: int, device: str, amx: bool
) -> None:  # fmt: skip
    """Answer calls until the pipe is closed."""
    from engine.runtimes.llamacpp.session import LlamaCppSession

    shared = SharedMemory(memory)
    session: LlamaCppSession | None = None
    request = OpenRequest(
        step=lambda done, total, text: None, notice=lambda text: None, folder=folder,
        artefact=Artefact.model_validate_json(manifest), threads=threads, device=device,
    )  # fmt: skip
    try:
        while True:
            name, arguments = pipe.recv()
            try:
                if name == "open":
                    session = LlamaCppSession(request, amx=amx)
                    for length in filter(None, (arguments[0], 1)):
                        session.logits(np.ones((1, length), np.int64))
                    pipe.send(session.context_length)
                    continue
                found = getattr(session, name)(*arguments)
            except Exception as error:
                pipe.send(error if isinstance(error, ValueError) else Failure.of(error))
                continue
            _answer(pipe, shared, found)
    except (EOFError, OSError):
        pass  # nobody asks any more
    if session is not None:
        session.close()
    shared.close()


def _answer(pipe: Connection, shared: SharedMemory, found: Floats | None) -> None:
    """Send the shape of `found`, and its numbers by the way that they fit."""
    if found is None:
        pipe.send(None)
    elif found.nbytes > _SHARED:
        pipe.send(found.shape)
        pipe.send_bytes(np.ascontiguousarray(found).data)
    else:
        np.ndarray(found.shape, np.float32, shared.buf)[...] = found
        pipe.send(found.shape)
