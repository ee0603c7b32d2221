"""Measure a model's peak memory in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from engine.metrics.base import Peaks
from engine.protocol.errors import Failure, UserError

# Seconds between two readings at first; whenever MOST are full, every second one is dropped and the pace halved.
_PACE, _MOST = 0.05, 400


class Trace:
    """The resident memory of a process and all it started, read from outside while it runs.

    Attributes:
        points: seconds since the first reading, and bytes; at most _MOST, evenly spread.
        pace: seconds between two readings.
    """

    def __init__(self, pid: int) -> None:
        self.points: list[tuple[float, int]] = []
        self.pace = _PACE
        self._pid, self._began = pid, time.perf_counter()

    def read(self) -> None:
        """Take a reading; nothing once the process has ended."""
        try:
            process = psutil.Process(self._pid)
            held = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
        except psutil.Error:
            return
        if held:  # what has ended and was not yet waited for holds nothing
            self.points.append((round(time.perf_counter() - self._began, 3), held))
        if len(self.points) >= _MOST:
            self.points, self.pace = self.points[::2], 2 * self.pace


def probe(
    folder: Path,
    *,
    threads: int | None,
    device: str,
    prompt_tokens: int,
    new_tokens: int,
    check: Callable[[], None],
) -> Peaks:
    """Peaks of opening the model in `folder` and answering once, in a process of its own.

    Args:
        check: polled while waiting; what it raises (Cancelled) ends the process too.

    Raises UserError when the model does not open there or the process is killed for want of memory.
    """
    command = [sys.executable, "-P", "-m", "engine.bench.memory_probe", str(folder.resolve()), "--device", device]
    command += ["--threads", str(threads or 0)]
    command += ["--prompt-tokens", str(prompt_tokens), "--new-tokens", str(new_tokens)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        trace = Trace(process.pid)
        try:
            while True:
                check()
                trace.read()
                try:
                    output, _ = process.communicate(timeout=trace.pace)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    return _peaks(process.returncode, output, said, folder, trace)


def _peaks(code: int, output: bytes, said: str, folder: Path, trace: Trace) -> Peaks:
    lines = output.decode(errors="replace").strip().splitlines()
    if code < 0:
        raise UserError(
            "Measuring the memory failed: the system ended the process, most likely for want of memory.",
            "Close other programs, or compare a smaller model.",
            where=str(folder),
            code="not_enough_memory",
        )
    if code == 2 and lines:
        raise Failure.model_validate(json.loads(lines[-1])["failure"]).to_error()
    if code != 0 or not lines:
        raise RuntimeError(f"the memory probe of {folder} ended with code {code}:\n{said[-4000:]}")
    found = json.loads(lines[-1])
    return Peaks(found["peak_rss_bytes"], found["peak_gpu_bytes"], tuple(trace.points))
