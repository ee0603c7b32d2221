"""The measuring side of a candidate's process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.peers.environments import PeerUnavailable, environment


class Process:
    """An open candidate. It sleeps on its stdin between requests.

    Attributes:
        ready: what it said of itself.
        busy_seconds: processor seconds that its requests took.
    """

    def __init__(self, name: str, command: tuple[str, ...], log: Path, variables: dict[str, str]) -> None:
        """Start it and wait until its model is open. Raises PeerUnavailable."""
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8",
                env=environment(**variables),
            )  # fmt: skip
        self.name, self.busy_seconds = name, 0.0
        self._usage = psutil.Process(self._process.pid)
        self.ready = self._read()
        self._opening_seconds = self.cpu_seconds()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, cmd: str, **request: Any) -> dict[str, Any]:
        """One request and its answer. Raises PeerUnavailable when the process ends instead."""
        assert self._process.stdin is not None
        before = self.cpu_seconds()
        self._process.stdin.write(json.dumps({"cmd": cmd, **request}) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        self.busy_seconds += self.cpu_seconds() - before
        return answer

    def cpu_seconds(self) -> float:
        """Processor seconds of the process so far."""
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    def idle_seconds(self) -> float:
        """Processor seconds that it used between requests: threads that spin instead of sleeping show here."""
        return max(0.0, self.cpu_seconds() - self._opening_seconds - self.busy_seconds)

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.wait()
        said = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        raise PeerUnavailable(f"its process ended: {' '.join(said)[-300:]} (all of it: {self._log})")
