"""What this machine offers and what of Hasten works on it. Loads no torch."""

from __future__ import annotations

import os
import platform
import shutil

from pydantic import BaseModel, ConfigDict

from engine import __version__, hardware, paths, settings
from engine.parallel import placement, tuning
from engine.parallel.tuning import MachineTuning
from engine.room import existing
from engine.runs import cache
from engine.runtimes import catalog


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GpuFound(_Part):
    """One GPU."""

    name: str
    memory_bytes: int


class RuntimeFound(_Part):
    """A runtime: usable on `devices`, within `limits`, or why not and what to do; `refused` says why not on further
    devices that it knows."""

    name: str
    title: str
    usable: bool
    devices: tuple[str, ...]
    version: str
    reason: str
    remedy: str
    limits: str
    refused: dict[str, str]


class Findings(_Part):
    """Everything that `hasten doctor` shows. Sizes in bytes."""

    version: str
    python: str
    system: str
    cpu: str
    physical_cores: int
    isa: tuple[str, ...]
    memory_bytes: int
    available_bytes: int
    gpus: tuple[GpuFound, ...]
    data_folder: str
    data_folder_writable: bool
    free_disk_bytes: int
    cache_bytes: int
    cache_quota_bytes: int
    runtimes: tuple[RuntimeFound, ...]
    tuning: MachineTuning | None


def examine() -> Findings:
    """Look at the machine. Changes nothing."""
    home = paths.home()
    place = existing(home)
    return Findings(
        version=__version__,
        python=platform.python_version(),
        system=platform.platform(),
        cpu=hardware.cpu_name(),
        physical_cores=placement.physical_cores(),
        isa=hardware.isa(),
        memory_bytes=hardware.total_memory(),
        available_bytes=hardware.available_memory(),
        gpus=tuple(GpuFound(name=gpu.name, memory_bytes=gpu.total_bytes) for gpu in placement.gpus()),
        data_folder=str(home),
        data_folder_writable=os.access(place, os.W_OK) and place.is_dir(),
        free_disk_bytes=shutil.disk_usage(place).free,
        cache_bytes=cache.held_bytes(),
        cache_quota_bytes=settings.read().stage_quota_bytes,
        runtimes=tuple(_runtime(name) for name in catalog.all_runtimes()),
        tuning=tuning.read(),
    )


def _runtime(name: str) -> RuntimeFound:
    spec = catalog.get(name)
    found = spec.availability()
    return RuntimeFound(
        name=name,
        title=spec.title,
        usable=found.usable,
        devices=found.devices,
        version=found.version,
        reason=found.reason,
        remedy=found.remedy,
        limits=found.limits,
        refused=dict(found.refused),
    )
