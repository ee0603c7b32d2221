"""What a run will do, before it does it: its stages, their keys, what is there already, the room they need."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import hardware, paths
from engine.checkpoint.info import CheckpointInfo
from engine.compare.format import format_bytes
from engine.parallel.placement import physical_cores
from engine.passes import catalog as passes
from engine.passes.base import PassSpec
from engine.protocol.errors import UserError
from engine.recipe.options import parse_options
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import predict
from engine.runs import cache, keys
from engine.runs.cache import Entry
from engine.runtimes import catalog as runtimes
from engine.runtimes.base import RuntimeSpec

SPARE_DISK = 64 << 20  # tokenizer, configuration, records


@dataclass(frozen=True)
class PassStage:
    """One pass to come.

    Attributes:
        before, after: the predicted layouts around it.
        entry: the finished stage in the cache, or None.
    """

    spec: PassSpec
    options: Any
    key: str
    before: CheckpointInfo
    after: CheckpointInfo
    entry: Entry | None

    @property
    def title(self) -> str:
        """As the window shows it."""
        return self.spec.title


@dataclass(frozen=True)
class BuildStage:
    """The runtime's build, from the layout `before`."""

    spec: RuntimeSpec
    options: Any
    target: Target
    key: str
    before: CheckpointInfo
    entry: Entry | None

    @property
    def title(self) -> str:
        """As the window shows it."""
        return f"Build for {self.spec.title}"


@dataclass(frozen=True)
class Plan:
    """The stages of a run.

    Attributes:
        threads: torch threads that passes compute with: all physical cores, whatever the target's thread count, so
            that changing the target does not remake the checkpoints.
        last_cached: index of the last pass whose checkpoint is in the cache (-1: none); earlier ones are not needed.
    """

    passes: tuple[PassStage, ...]
    build: BuildStage
    threads: int

    @property
    def last_cached(self) -> int:
        """Index of the last finished pass, -1 if there is none."""
        return max((index for index, stage in enumerate(self.passes) if stage.entry is not None), default=-1)

    @property
    def to_do(self) -> tuple[PassStage, ...]:
        """The passes that must run."""
        return self.passes[self.last_cached + 1 :]

    @property
    def keys(self) -> tuple[str, ...]:
        """Every stage's key in order."""
        return (*(stage.key for stage in self.passes), self.build.key)

    @property
    def titles(self) -> tuple[str, ...]:
        """Every stage's title in order."""
        return (*(stage.title for stage in self.passes), self.build.title)


def make(recipe: Recipe, info: CheckpointInfo, fingerprint: str) -> Plan:
    """The plan of a legal `recipe` on the checkpoint with layout `info` and content `fingerprint`."""
    threads = physical_cores()
    layouts = predict(recipe, info)
    stages = []
    key = fingerprint
    for entry, before, after in zip(recipe.active, layouts, layouts[1:], strict=False):
        spec = passes.get(entry.name)
        options = parse_options(spec.options, entry.options, entry.name)
        key = keys.pass_key(key, spec, options, device=recipe.target.device, threads=threads)
        stages.append(PassStage(spec, options, key, before, after, cache.stages().find(key)))
    runtime = runtimes.get(recipe.target.runtime)
    options = parse_options(runtime.options, recipe.target.options, runtime.name)
    built = keys.build_key(key, runtime, options, recipe.target, threads=threads)
    build = BuildStage(runtime, options, recipe.target, built, layouts[-1], cache.artefacts().find(built))
    return Plan(tuple(stages), build, threads)


def require_memory(plan: Plan) -> None:
    """Raise UserError (code "not_enough_memory") for the first stage to run whose predicted peak does not fit."""
    available = hardware.available_memory()
    needs = [(stage.title, stage.spec.peak_bytes(stage.before, stage.options)) for stage in plan.to_do]
    if plan.build.entry is None:
        needs.append((plan.build.title, plan.build.before.bytes))
    for title, needed in needs:
        if needed > available:
            raise UserError(
                f"“{title}” needs about {format_bytes(needed)} of memory, and {format_bytes(available)} are free.",
                "Close other programs, choose a smaller model, or switch off that step.",
                where=title,
                code="not_enough_memory",
            )


def require_disk(plan: Plan, out: Path | None) -> None:
    """Make room in the cache, then raise UserError (code "disk_full") if what the run will write does not fit.

    Sizes are predicted from headers; unchanged shards are linked, so it is an upper bound.
    """
    built = 0 if plan.build.entry else plan.build.before.bytes
    writes = sum(stage.after.bytes for stage in plan.to_do) + built + SPARE_DISK
    _require(paths.home(), writes)
    if out is not None:
        same = _existing(out).stat().st_dev == _existing(paths.home()).stat().st_dev
        if not same:
            _require(out, plan.build.before.bytes + SPARE_DISK)


def require_writable(folders: Sequence[Path]) -> None:
    """Make `folders`. Raises UserError (code "not_writable") for the first that cannot be made or written."""
    for folder in folders:
        probe = folder / f".probe-{id(folder):x}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except (FileExistsError, NotADirectoryError) as error:
            raise UserError(
                f"“{_existing(folder)}” is a file where a folder is needed.",
                "Rename it or choose another folder.",
                where=str(folder),
                code="not_writable",
            ) from error
        except PermissionError as error:
            raise _not_writable(folder) from error
        except OSError as error:
            if error.errno == 30:  # a read-only file system
                raise _not_writable(folder) from error
            raise


def _not_writable(folder: Path) -> UserError:
    return UserError(
        f"The folder “{folder}” may not be written.",
        "Change its permissions, or move the data folder (Settings, or HASTEN_HOME).",
        where=str(folder),
        code="not_writable",
    )


def _require(folder: Path, needed: int) -> None:
    place = _existing(folder)
    free = shutil.disk_usage(place).free
    if needed > free:
        cache.trim(max(0, cache.held_bytes() - (needed - free)))
        free = shutil.disk_usage(place).free
    if needed > free:
        raise UserError(
            f"The run writes about {format_bytes(needed)}, and {format_bytes(free)} are free on the disk.",
            "Free some space, delete old runs, or move the data folder (Settings, or HASTEN_HOME).",
            where=str(place),
            code="disk_full",
        )


def _existing(path: Path) -> Path:
    """`path` or the nearest folder above it that exists."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return place
