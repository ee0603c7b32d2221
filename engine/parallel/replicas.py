"""Several copies of a model on one machine, each a process with its own cores, answering requests together."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from engine.bench.load import Serve
from engine.bench.statistics import over_rounds
from engine.parallel.placement import gpus, pinned_cpus, suggested_threads
from engine.protocol.errors import Failure, UserError
from engine.protocol.measurement import Measurement
from engine.recipe.recipe import Target
from engine.runtimes.base import Ids

_POLL_SECONDS = 0.1


class Replicas:
    """`target.replicas` open copies of the model in `folder`; a context manager.

    On the CPU each is pinned to `threads` processors of its own where there are enough; on several GPUs they are dealt
    out in turn.

    Attributes:
        threads: compute threads of each copy.
        pinned: whether each has processors of its own.
    """

    def __init__(
        self, folder: Path, target: Target, *, threads: int | None = None, check: Callable[[], None] = lambda: None
    ) -> None:
        """Start all copies and wait until they are open.

        Args:
            threads: overrides the target's threads; without either the cores are shared out.
            check: polled while waiting; what it raises (Cancelled) ends the processes.

        Raises UserError when the model does not open or memory runs out.
        """
        self.threads = threads or target.threads or suggested_threads(target.replicas, target.runtime)
        self._check = check
        self._processes: list[subprocess.Popen[str]] = []
        self._errors: list[IO[bytes]] = []
        self._pool = ThreadPoolExecutor(target.replicas)
        devices = gpus() if target.device == "cuda" else ()
        pins = [pinned_cpus(index, target.replicas, self.threads) for index in range(target.replicas)]
        self.pinned = target.device == "cpu" and all(pins)
        with ExitStack() as stack:
            stack.callback(self.close)
            for index, pin in enumerate(pins):
                environment = dict(os.environ)
                if len(devices) > 1:
                    environment["CUDA_VISIBLE_DEVICES"] = str(devices[index % len(devices)].index)
                self._start(folder, target.device, pin if self.pinned else None, environment)
            self._together(self._await_ready)
            stack.pop_all()

    def serve(self, requests: Sequence[Ids], new_tokens: int) -> float:
        """Answer `requests` (ids [T] each), every copy taking the next as it gets free; the wall seconds it took."""
        waiting: queue.SimpleQueue[Ids] = queue.SimpleQueue()
        for request in requests:
            waiting.put(request)

        def work(process: subprocess.Popen[str]) -> None:
            while True:
                try:
                    ids = waiting.get_nowait()
                except queue.Empty:
                    return
                self._ask(process, {"ids": ids.tolist(), "new_tokens": new_tokens})

        began = time.perf_counter()
        self._together(work)
        return time.perf_counter() - began

    def work(self, loop: Callable[[Serve], None], new_tokens: int) -> None:
        """Run `loop` for every copy at once, with what lets that copy answer a request of ids [T]."""

        def answer(process: subprocess.Popen[str]) -> None:
            def serve(ids: Ids, first: Callable[[], None]) -> list[float]:
                request = {"ids": ids.tolist(), "new_tokens": new_tokens, "tell_first": True}
                return self._ask(process, request, first)[1:]

            loop(serve)

        self._together(answer)

    def warm_up(self, request: Ids, new_tokens: int) -> None:
        """Let every copy answer `request` once."""
        self._together(lambda process: self._ask(process, {"ids": request.tolist(), "new_tokens": new_tokens}))

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.communicate()
        self._pool.shutdown(cancel_futures=True)
        for errors in self._errors:
            errors.close()

    def __enter__(self) -> Replicas:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self, folder: Path, device: str, pin: tuple[int, ...] | None, environment: dict[str, str]) -> None:
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._errors.append(errors)
        command = [sys.executable, "-P", "-m", "engine.parallel.replica", str(folder.resolve())]
        command += ["--threads", str(self.threads), "--device", device, "--cpus", ",".join(map(str, pin or ()))]
        self._processes.append(
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment,
                text=True, encoding="utf-8",
            )
        )  # fmt: skip

    def _together(self, work: Callable[[subprocess.Popen[str]], Any]) -> None:
        """`work` on every process at once, from a thread each; the first that raises ends the wait."""
        futures: set[Future[Any]] = {self._pool.submit(work, process) for process in self._processes}
        while futures:
            self._check()
            done, futures = wait(futures, _POLL_SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()

    def _await_ready(self, process: subprocess.Popen[str]) -> None:
        self._answer(process)

    def _ask(
        self, process: subprocess.Popen[str], request: dict[str, Any], first: Callable[[], None] = lambda: None
    ) -> list[float]:
        """Seconds of each token of the answer to `request`; `first` is called as its first one arrives."""
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why it ended
        while "first" in (answer := self._answer(process)):
            first()
        seconds: list[float] = answer["seconds"]
        return seconds

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for one line. Raises what the process failed with."""
        assert process.stdout is not None
        line = process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            if "failure" in answer:
                raise Failure.model_validate(answer["failure"]).to_error()
            return answer
        code = process.wait()
        if code < 0:
            raise UserError(
                "A copy of the model was ended by the system, most likely for want of memory.",
                "Use fewer replicas or a smaller model.",
                code="not_enough_memory",
            )
        errors = self._errors[self._processes.index(process)]
        errors.seek(0)
        raise RuntimeError(f"a replica ended with code {code}:\n{errors.read().decode(errors='replace')[-4000:]}")


def measure_replicas(
    folder: Path,
    target: Target,
    prompts: Sequence[Ids],
    new_tokens: int,
    *,
    rounds: int = 5,
    threads: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> Measurement:
    """Requests a second of all copies together, measured over `rounds` rounds of all `prompts` (ids [T] each).

    Opening and a warm-up answer are not counted. The value's spread is that over rounds. Raises as Replicas does.
    """
    with Replicas(folder, target, threads=threads, check=check) as replicas:
        replicas.warm_up(prompts[0], new_tokens)
        rates = [len(prompts) / replicas.serve(prompts, new_tokens) for _ in range(rounds)]
        return over_rounds(
            "requests_per_second",
            rates,
            {
                "replicas": target.replicas,
                "threads": replicas.threads,
                "pinned": replicas.pinned,
                "device": target.device,
                "requests": len(prompts),
                "prompt_tokens": max(len(ids) for ids in prompts),
                "new_tokens": new_tokens,
            },
        )
