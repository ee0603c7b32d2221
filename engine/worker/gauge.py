"""The machine's load while a job runs, about twice a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

import psutil

from engine import hardware
from engine.protocol.events import Event, Gauge

PERIOD_SECONDS = 0.5


class Gauges:
    """Sends Gauge events of job `job` while the `with` block runs."""

    def __init__(self, job: str, send: Callable[[Event], None]) -> None:
        self._job, self._send = job, send
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True, name="gauges")

    def __enter__(self) -> Gauges:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        psutil.cpu_percent(None)  # the first call only sets the starting point
        while not self._stop.wait(PERIOD_SECONDS):
            self._send(read(self._job))


def read(job: str) -> Gauge:
    """The load now: this process with its children, the whole machine's CPU, and all GPUs together."""
    gpus = hardware.gpu_load()
    return Gauge(
        job=job,
        rss_bytes=_resident(),
        available_bytes=hardware.available_memory(),
        cpu_percent=psutil.cpu_percent(None),
        gpu_percent=sum(gpu.percent for gpu in gpus) / len(gpus) if gpus else None,
        gpu_bytes=sum(gpu.used_bytes for gpu in gpus) if gpus else None,
        gpu_total_bytes=sum(gpu.total_bytes for gpu in gpus) if gpus else None,
    )


def _resident() -> int:
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # it ended between the listing and the question
            continue
    return int(total)
