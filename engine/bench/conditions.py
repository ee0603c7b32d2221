"""Under which conditions something was measured: what another person needs to measure it again."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from engine import hardware, intel
from engine.compare.table import Conditions
from engine.parallel.placement import gpus, physical_cores

_LIBRARIES = (
    "hasten", "torch", "transformers", "tokenizers", "numpy", "onnxruntime", "onnxruntime-gpu", "onnxruntime-genai",
    "openvino", "openvino-genai", "llama-cpp-python", "tensorrt",
)  # fmt: skip
# Above this share of the processors other programs disturb a timing.
BUSY_PERCENT = 15.0


_CPUS = Path("/sys/devices/system/cpu")


def machine() -> Conditions:
    """Processor, cores, caches, clock and what governs it, power, memory, GPU, system and library versions."""
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
    found |= governing()
    found["power"] = power_source()
    if (cache := cache_bytes()) is not None:
        found["cache_mib"] = round(cache / 2**20, 1)
    if (virtual := is_virtual()) is not None:
        found["virtual"] = virtual
    for gpu in gpus():
        found[f"gpu_{gpu.index}"] = gpu.name
    for kind, name in intel.usable().items():
        found[kind.replace("-", "_")] = name
    if (driver := gpu_driver()) is not None:
        found["gpu_driver"] = driver
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


def governing(cpus: Path = _CPUS) -> Conditions:
    """What governs the clock, from sysfs under `cpus`: the governor, and whether turbo clocks are allowed.

    Empty where the system does not tell, as in most virtual machines.
    """
    found: Conditions = {}
    governors = {_word(file) for file in sorted(cpus.glob("cpu[0-9]*/cpufreq/scaling_governor"))} - {""}
    if governors:
        found["governor"] = ", ".join(sorted(governors))
    for file, allowed in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        if word := _word(cpus / file):
            found["turbo"] = word == allowed
            break
    return found


def cache_bytes(cpus: Path = _CPUS) -> int | None:
    """The size of the first processor's last-level cache, from sysfs under `cpus`; None where it does not tell."""
    sizes = []
    for file in cpus.glob("cpu0/cache/index[0-9]*/size"):
        match = re.fullmatch(r"(\d+)([KMG]?)", _word(file))
        if match:
            sizes.append(int(match[1]) * {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[match[2]])
    return max(sizes, default=None)


def power_source() -> str:
    """ "mains", "battery (80 %)", or "no battery"."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return "no battery"
    return "mains" if battery.power_plugged else f"battery ({battery.percent:.0f} %)"


def is_virtual() -> bool | None:
    """Whether this is a virtual machine; None where the processor does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return None
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return "hypervisor" in flags[1].split() if flags else None


def gpu_driver() -> str | None:
    """The NVIDIA driver's version; None without one."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        version = pynvml.nvmlSystemGetDriverVersion()
        return version if isinstance(version, str) else str(version.decode())
    finally:
        pynvml.nvmlShutdown()


def _word(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def clock_mhz() -> int | None:
    """The processors' mean clock just now, MHz; None where the system does not tell."""
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):  # psutil raises either where a container hides the files
        return None
    return round(frequency.current) if frequency and frequency.current else None
