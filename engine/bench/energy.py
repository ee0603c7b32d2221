"""Energy that was used, where the machine counts it: RAPL for processors (Linux powercap), NVML for NVIDIA GPUs.

Nothing is estimated: where no counter can be read, energy is not measured. Counters belong to whole packages and cards,
so what other programs use meanwhile is counted as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass
class _Package:
    """A processor package's counter, which wraps around."""

    file: Path
    span: int
    last: int
    total: int = 0

    def joules(self) -> float:
        now = int(self.file.read_text())
        self.total += now - self.last if now >= self.last else now - self.last + self.span
        self.last = now
        return self.total / 1e6


class EnergyMeter:
    """Joules that processors (and the GPU) have used.

    Attributes:
        sources: what is counted, in words; empty where nothing can be read.
    """

    def __init__(self, powercap: Path = POWERCAP, gpu: Callable[[], float | None] | None = None) -> None:
        """Counters of every processor package under `powercap`, and of `gpu`, which gives joules since some moment."""
        self._packages = _packages(powercap)
        self._gpu = gpu if gpu is not None and gpu() is not None else None
        self.sources = tuple(
            name for name, found in (("processor packages (RAPL)", self._packages), ("GPU (NVML)", self._gpu)) if found
        )

    def joules(self) -> float:
        """Joules that all sources have counted since some moment; differences tell what was used."""
        return sum(package.joules() for package in self._packages) + ((self._gpu() or 0.0) if self._gpu else 0.0)


def gpu_joules() -> float | None:
    """Joules that the first NVIDIA GPU has used since its driver was loaded; None where it does not count them."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByIndex(0))) / 1000
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _packages(powercap: Path) -> list[_Package]:
    """The packages that can be read; their parts (cores, memory) are counted in them and left out."""
    found = []
    for zone in sorted(powercap.glob("*-rapl:[0-9]*")):
        if zone.name.count(":") > 1:
            continue
        try:
            if not (zone / "name").read_text().startswith("package"):
                continue
            span = int((zone / "max_energy_range_uj").read_text())
            found.append(_Package(zone / "energy_uj", span, int((zone / "energy_uj").read_text())))
        except (OSError, ValueError):  # most systems let only root read it
            continue
    return found
