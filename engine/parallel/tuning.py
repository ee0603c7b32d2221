"""What “hasten tune-machine” found out about this machine, kept in the data folder, and what follows from it. No torch.

Only a setting that was proven faster than the default changes anything. A finding holds for the processor it was made
on and for the version of the runtime's library; another one makes it void until the machine is measured again.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, Field

from engine import hardware, paths
from engine.bench.conditions import BUSY_PERCENT
from engine.compare.table import Speedup
from engine.parallel import placement

# glibc then asks for huge pages wherever it takes memory (glibc 2.35 and later, "Memory Allocation Tunables").
_TUNABLES, _HUGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"
_OLDEST_GLIBC = (2, 35)
_THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Setting(_Part):
    """How a process runs a model.

    Attributes:
        threads: compute threads.
        pinned: it stays on one logical processor of every physical core.
        huge_pages: it asks the system for huge memory pages.
    """

    threads: int = Field(ge=1)
    pinned: bool = False
    huge_pages: bool = False

    def __str__(self) -> str:
        parts = [f"{self.threads} thread{'' if self.threads == 1 else 's'}"]
        parts += ["on physical cores only"] if self.pinned else []
        parts += ["with huge pages"] if self.huge_pages else []
        return ", ".join(parts)


class Trial(_Part):
    """A setting as it was measured: tokens a second (median over rounds), and how much faster than the default."""

    setting: Setting
    tokens_per_second: float
    speedup: Speedup


class RuntimeTuning(_Part):
    """What was found for one runtime.

    Attributes:
        version: of the runtime's library.
        model: what was measured with.
        default: the setting that is used without a finding.
        best: the setting that came out best; the default itself where none was better.
        speedup: of `best` over the default, from rounds made to confirm it; None where there was nothing to confirm.
        proven: the whole interval of `speedup` lies above 1 and its margin, and nothing disturbed the measurement; only
            then `best` is used.
        others_percent: the most that other programs used of the processors during a race.
        trials: everything that was tried, in order.
    """

    version: str
    model: str
    default: Setting
    best: Setting
    speedup: Speedup | None
    proven: bool
    others_percent: float
    trials: tuple[Trial, ...]

    @property
    def used(self) -> Setting:
        """The setting that holds from now on."""
        return self.best if self.proven else self.default


class MachineTuning(_Part):
    """What was found on one machine.

    Attributes:
        cpu: the processor's name.
        measured_at: date and time, ISO 8601.
        runtimes: by name in the runtime catalogue.
    """

    cpu: str
    measured_at: str
    runtimes: dict[str, RuntimeTuning]


def machine_key() -> str:
    """What a finding belongs to: the processor's name, the cores usable here and the machine's logical processors."""
    return f"{hardware.cpu_name()}, {placement.physical_cores()} cores, {psutil.cpu_count() or 1} processors"


def read() -> MachineTuning | None:
    """What was found on this machine; None where it was not measured."""
    return _machines().get(machine_key())


def keep(found: MachineTuning) -> None:
    """Remember `found` for this machine, beside what is known of others and of runtimes that were not measured anew.

    What was proven before outlives a measurement that other programs disturbed.
    """
    machines = _machines()
    known = machines.get(machine_key())
    if known is not None:
        kept = {
            name: new
            for name, new in found.runtimes.items()
            if new.others_percent <= BUSY_PERCENT or not (old := known.runtimes.get(name)) or not old.proven
        }
        found = found.model_copy(update={"runtimes": {**known.runtimes, **kept}})
    machines[machine_key()] = found
    _write(machines)


def forget() -> None:
    """Go back to the defaults on this machine."""
    machines = _machines()
    if machines.pop(machine_key(), None) is not None:
        _write(machines)


def tuned(runtime: str) -> RuntimeTuning | None:
    """What holds for `runtime` here; None if it was not measured, or with another version of its library."""
    known = read()
    found = known.runtimes.get(runtime) if known else None
    return found if found is not None and found.version == _version(runtime) else None


def huge_pages_on_request() -> bool:
    """Whether a process here gets huge pages if its C library asks: Linux set to “madvise”, glibc new enough."""
    library, version = platform.libc_ver()
    try:
        on_request = "[madvise]" in _THP.read_text()
    except OSError:
        return False
    return on_request and library == "glibc" and tuple(map(int, version.split(".")[:2])) >= _OLDEST_GLIBC


@cache
def cpus_at_start() -> tuple[int, ...]:
    """The logical processors that this process might use before it was pinned, one a core first."""
    return placement.usable_cpus()


def has_siblings() -> bool:
    """Whether some core here offers several logical processors, so that pinning can make a difference."""
    return hasattr(os, "sched_setaffinity") and len(placement.usable_cpus()) > placement.physical_cores()


def variables(huge_pages: bool) -> dict[str, str]:
    """The whole environment of a process that asks for huge pages, or not."""
    kept = [part for part in os.environ.get(_TUNABLES, "").split(":") if part and part != _HUGE_PAGES]
    others = {name: value for name, value in os.environ.items() if name != _TUNABLES}
    asked = ":".join([*kept, _HUGE_PAGES] if huge_pages and huge_pages_on_request() else kept)
    return {**others, _TUNABLES: asked} if asked else others


def engine_variables() -> dict[str, str]:
    """The environment of an engine process on this machine."""
    return variables(_wanted("huge_pages"))


def pin_engine() -> None:
    """Keep this process to the physical cores where that was proven. Before anything starts threads."""
    cpus_at_start()  # noted while all of them can be seen
    if has_siblings() and _wanted("pinned"):
        os.sched_setaffinity(0, placement.usable_cpus()[: placement.physical_cores()])


@contextmanager
def unpinned(cpus: Iterable[int]) -> Iterator[None]:
    """Let this thread, and processes that it starts, use the logical processors `cpus` while the block lasts."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _wanted(what: str) -> bool:
    """Whether a runtime gains by `what` for the whole process: proven for one, and slower for none that was tried."""
    known = read()
    found = [tuning for name in known.runtimes if (tuning := tuned(name))] if known else []
    if what == "pinned" and any(tuning.used.threads > placement.physical_cores() for tuning in found):
        return False  # one of them is best on all logical processors
    gain = any(getattr(tuning.used, what) for tuning in found)
    loss = any(
        getattr(trial.setting, what) and trial.setting.threads == tuning.used.threads and trial.speedup.high < 1
        for tuning in found
        for trial in tuning.trials
    )
    return gain and not loss


def _version(runtime: str) -> str:
    from engine.runtimes import catalog

    return catalog.get(runtime).availability().version if runtime in catalog.all_runtimes() else ""


def _file() -> Path:
    return paths.home() / "tuning.json"


def _machines() -> dict[str, MachineTuning]:
    try:
        data = json.loads(_file().read_text(encoding="utf-8"))
        return {key: MachineTuning.model_validate(value) for key, value in data["machines"].items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}  # none yet, out of reach, or written by another version: as if not measured


def _write(machines: dict[str, MachineTuning]) -> None:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".tmp-{os.getpid()}")
    data = {"version": 1, "machines": {key: found.model_dump(mode="json") for key, found in machines.items()}}
    draft.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(draft, file)
