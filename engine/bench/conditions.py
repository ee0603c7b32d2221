"""Under which conditions something was measured: what another person needs to measure it again."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import psutil

from engine import hardware
from engine.compare.table import Conditions
from engine.parallel.placement import gpus, physical_cores

_LIBRARIES = ("hasten", "torch", "transformers", "onnxruntime", "onnxruntime-gpu", "openvino")
# Above this share of the processors other programs disturb a timing.
BUSY_PERCENT = 15.0


def machine() -> Conditions:
    """Processor, cores, clock, memory, GPU, system and library versions."""
    found: Conditions = {
        "cpu": hardware.cpu_name(),
        "cores": physical_cores(),
        "memory_gib": round(hardware.total_memory() / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    clock = clock_mhz()
    if clock:
        found["clock_mhz"] = clock
    for gpu in gpus():
        found[f"gpu_{gpu.index}"] = gpu.name
    for library in _LIBRARIES:
        try:
            found[library.replace("-", "_")] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def load_before() -> Conditions:
    """How busy the machine is while Hasten itself is idle, over a third of a second, and the 1-minute load average."""
    busy = psutil.cpu_percent(interval=0.33)
    found: Conditions = {"busy_percent": round(busy, 1), "busy": busy > BUSY_PERCENT}
    if hasattr(os, "getloadavg"):
        found["load_average"] = round(os.getloadavg()[0], 2)
    return found


class OthersLoad:
    """How much of the processors other programs used since this object was made; `ours` are processes of our own."""

    def __init__(self, ours: Sequence[int] = ()) -> None:
        self._ours = [psutil.Process(), *map(psutil.Process, ours)]
        self._total, self._busy, self._own = self._read()

    def percent(self) -> float:
        """Their share of all processors' time, in percent; our own processes' work does not count."""
        total, busy, own = self._read()
        spent = total - self._total
        return max(0.0, 100 * ((busy - self._busy) - (own - self._own)) / spent) if spent > 0 else 0.0

    def _read(self) -> tuple[float, float, float]:
        times, own = psutil.cpu_times(), [spent for process in self._ours for spent in _times_of(process)]
        idle = times.idle + getattr(times, "iowait", 0.0)
        # Linux counts guests' time twice
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return total, total - idle, sum(each.user + each.system for each in own)


def _times_of(process: psutil.Process) -> list[Any]:
    """What `process` and those that it started have computed, each by itself."""
    found = []
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            found.append(each.cpu_times())
    return found


def clock_mhz() -> int | None:
    """The processors' mean clock just now, MHz; None where the system does not tell."""
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):  # psutil raises either where a container hides the files
        return None
    return round(frequency.current) if frequency and frequency.current else None
