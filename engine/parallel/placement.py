"""What this machine offers to run on: processor cores, and GPUs through NVML. Starts nothing, loads no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU.

    Attributes:
        index: NVML's index.
        total_bytes, free_bytes: its memory.
        busy: another program computes on it right now (over 10 % busy) or holds over a tenth of its memory.
    """

    index: int
    name: str
    total_bytes: int
    free_bytes: int
    busy: bool


def usable_cpus() -> tuple[int, ...]:
    """The logical processors this process may use, in order, one a physical core first and their siblings after.

    On Linux this honours the affinity mask (containers, taskset); elsewhere every processor counts.
    """
    if not hasattr(os, "sched_getaffinity"):
        return tuple(range(os.cpu_count() or 1))
    first: list[int] = []
    siblings: list[int] = []
    seen: set[str] = set()
    for cpu in sorted(os.sched_getaffinity(0)):
        core = _core_of(cpu)
        (siblings if core in seen else first).append(cpu)
        seen.add(core)
    return (*first, *siblings)


@cache
def physical_cores() -> int:
    """Physical cores this process may use; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len({_core_of(cpu) for cpu in os.sched_getaffinity(0)}))
    return max(1, psutil.cpu_count(logical=False) or os.cpu_count() or 1)


def suggested_threads(replicas: int = 1, runtime: str = "") -> int:
    """Threads per replica when the user says nothing: the physical cores shared out, at least 1 each.

    Decoding is bound by memory bandwidth: a second thread on the same core adds contention, not speed. Where
    “hasten tune-machine” proved another number faster for a single copy on `runtime`, that one.
    """
    from engine.parallel import tuning

    found = tuning.tuned(runtime) if replicas == 1 and runtime else None
    return found.used.threads if found is not None else max(1, physical_cores() // replicas)


def pinned_cpus(replica: int, replicas: int, threads: int) -> tuple[int, ...] | None:
    """The logical processors of replica number `replica`, none shared; None where there are too few to pin."""
    cpus = usable_cpus()
    if replicas * threads > len(cpus):
        return None
    return cpus[replica * threads : (replica + 1) * threads]


def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs with memory and load; empty without a driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            name = pynvml.nvmlDeviceGetName(handle)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            try:
                load = int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
            except pynvml.NVMLError:  # MIG slices do not tell
                load = 0
            total, free = int(memory.total), int(memory.free)
            busy = load > 10 or total - free > total // 10
            found.append(Gpu(index, name if isinstance(name, str) else name.decode(), total, free, busy))
        return tuple(found)
    finally:
        pynvml.nvmlShutdown()


def _core_of(cpu: int) -> str:
    """What tells the physical core of logical processor `cpu` (its sibling list), or the number itself."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return path.read_text().strip()
    except OSError:
        return str(cpu)
