"""What this machine's processor and memory are, and how busy its GPUs. No torch.

Cores and GPUs as places to run on: engine.parallel.placement.
"""

from __future__ import annotations

import contextlib
import platform
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

# Instruction sets worth telling apart for speed, in the spelling of /proc/cpuinfo (x86, then ARM).
_ISA = ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16",
        "asimd", "asimddp", "i8mm", "bf16", "sve")  # fmt: skip


@dataclass(frozen=True)
class GpuLoad:
    """How busy and how full one NVIDIA GPU is."""

    percent: float
    used_bytes: int
    total_bytes: int


@cache
def cpu_name() -> str:
    """The processor's name as its maker writes it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@cache
def isa() -> tuple[str, ...]:
    """The instruction sets that matter for speed, where the system tells them (Linux)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.lower().startswith(("flags", "features")):
                flags = set(line.partition(":")[2].split())
                return tuple(name for name in _ISA if name in flags)
    return ()


def cpu_kind() -> str:
    """What decides the last bits of a result besides the thread count: architecture and instruction sets."""
    return f"{platform.machine()} {' '.join(isa())}".strip()


def total_memory() -> int:
    """Bytes of memory that this process may use at all, a container's limit respected."""
    limit = _cgroup("memory.max", "memory/memory.limit_in_bytes")
    total = psutil.virtual_memory().total
    return min(total, limit) if limit is not None else total


def available_memory() -> int:
    """Bytes of memory free for use now, a container's limit respected."""
    available = psutil.virtual_memory().available
    limit = _cgroup("memory.max", "memory/memory.limit_in_bytes")
    if limit is None or limit > psutil.virtual_memory().total:
        return available
    used = _cgroup("memory.current", "memory/memory.usage_in_bytes") or 0
    # file cache counts as used but is given back under pressure
    cached = _cgroup_stat("inactive_file") + _cgroup_stat("active_file")
    return max(0, min(available, limit - used + cached))


def gpu_load() -> tuple[GpuLoad, ...]:
    """The load of every NVIDIA GPU now; empty where there is no driver. Cheap enough to ask often."""
    nvml = _nvml()
    if nvml is None:
        return ()
    found = []
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        try:
            percent = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        except nvml.NVMLError:  # some virtual GPUs do not tell
            percent = 0.0
        found.append(GpuLoad(percent, int(memory.used), int(memory.total)))
    return tuple(found)


@cache
def _nvml():  # type: ignore[no-untyped-def]  # the library has no types
    """The NVML module, initialised; None without a driver."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pynvml
        except ImportError:
            return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _cgroup(new: str, old: str) -> int | None:
    """A number from the control group's files (version 2, then 1); None if there is none or it says "max"."""
    for path in (Path("/sys/fs/cgroup") / new, Path("/sys/fs/cgroup") / old):
        with contextlib.suppress(OSError, ValueError):
            return int(path.read_text())
    return None


def _cgroup_stat(key: str) -> int:
    for path in (Path("/sys/fs/cgroup/memory.stat"), Path("/sys/fs/cgroup/memory/memory.stat")):
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == key:
                    return int(value)
    return 0
