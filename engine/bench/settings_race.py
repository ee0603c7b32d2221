"""Race settings of one model against one another: a process per setting, which take turns at answering."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bench.conditions import OthersLoad
from engine.bench.runner import orders
from engine.parallel import placement
from engine.parallel.tuning import Setting, variables
from engine.protocol.errors import Failure, UserError
from engine.runtimes.base import Ids

_POLL_SECONDS = 0.1


class Runner:
    """The model in `folder`, open in a process of its own that runs under `setting` and sleeps between answers."""

    def __init__(self, folder: Path, setting: Setting, cpus: Sequence[int], check: Callable[[], None]) -> None:
        """Start it and wait until the model is open.

        Args:
            cpus: the logical processors that it may use when it is not pinned, one a core first.
            check: polled while waiting; what it raises (Cancelled) ends the process.

        Raises UserError when the model does not open or memory runs out.
        """
        self._check = check
        allowed = cpus[: placement.physical_cores()] if setting.pinned else cpus
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        command = [sys.executable, "-P", "-m", "engine.parallel.replica", str(folder.resolve()), "--device", "cpu"]
        command += ["--threads", str(setting.threads), "--cpus", ",".join(map(str, allowed))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            env=variables(setting.huge_pages), text=True, encoding="utf-8",
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True, name="settings-race").start()
        try:
            self._next()
        except BaseException:
            self.close()
            raise

    def answer(self, ids: Ids, new_tokens: int) -> float:
        """Continue `ids` [T]; the mean seconds a token after the first."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"ids": ids.tolist(), "new_tokens": new_tokens}) + "\n")
        self._process.stdin.flush()
        seconds: list[float] = self._next()["seconds"][1:]
        return sum(seconds) / len(seconds)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._answers.put(line)
        except ValueError:
            pass  # closed while it was read
        self._answers.put("")

    def _next(self) -> dict[str, Any]:
        while True:
            self._check()
            try:
                line = self._answers.get(timeout=_POLL_SECONDS)
                break
            except queue.Empty:
                continue
        if line:
            answer: dict[str, Any] = json.loads(line)
            if "failure" in answer:
                raise Failure.model_validate(answer["failure"]).to_error()
            return answer
        code = self._process.wait()
        if code < 0:
            raise UserError(
                "A process of the measurement was ended by the system, most likely for want of memory.",
                "Close other programs, then measure again.",
                code="not_enough_memory",
            )
        self._errors.seek(0)
        raise RuntimeError(f"a runner ended with code {code}:\n{self._errors.read().decode(errors='replace')[-4000:]}")


@dataclass(frozen=True)
class Race:
    """What a race gave.

    Attributes:
        seconds: seconds a token, by setting and round.
        others_percent: what other programs used of all processors meanwhile.
    """

    seconds: list[list[float]]
    others_percent: float


def race(
    folder: Path,
    settings: Sequence[Setting],
    cpus: Sequence[int],
    prompts: Sequence[Ids],
    new_tokens: int,
    check: Callable[[], None],
    on_answer: Callable[[Setting], None] = lambda setting: None,
) -> Race:
    """Let the model in `folder` answer under every setting in interleaved rounds.

    Args:
        cpus: as Runner takes them.
        prompts: one [T] a round.
        check: raises Cancelled once asked to stop.
        on_answer: told whenever a setting has answered in a round.

    Raises UserError when the model does not open or memory runs out.
    """
    found: list[list[float]] = [[] for _ in settings]
    with ExitStack() as stack:
        runners = []
        for setting in settings:
            runners.append(Runner(folder, setting, cpus, check))
            stack.callback(runners[-1].close)
            runners[-1].answer(prompts[0], new_tokens)
        load = OthersLoad([runner.pid for runner in runners])
        for index, order in enumerate(orders(len(prompts), len(runners))):
            for place in order:
                found[place].append(runners[place].answer(prompts[index], new_tokens))
                on_answer(settings[place])
        return Race(found, load.percent())
