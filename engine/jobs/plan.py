"""What a run will do, before it does it: its stages, their keys, what is there already, the room they need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import paths, room
from engine.checkpoint.info import CheckpointInfo
from engine.parallel.placement import physical_cores
from engine.passes import catalog as passes
from engine.passes.base import PassSpec
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
class Drafting:
    """A second checkpoint of a run, beside the recipe's result.

    Attributes:
        folder, info, content: the checkpoint, its layout and its fingerprint.
        answers: it answers and the recipe's result guesses; else it guesses.
    """

    folder: Path
    info: CheckpointInfo
    content: str
    answers: bool


@dataclass(frozen=True)
class BuildStage:
    """The runtime's build, from the layout `before`, and of a second checkpoint where the run speculates with one."""

    spec: RuntimeSpec
    options: Any
    target: Target
    key: str
    before: CheckpointInfo
    entry: Entry | None
    drafting: Drafting | None = None

    @property
    def layouts(self) -> tuple[CheckpointInfo, ...]:
        """What is built, one after the other."""
        return (self.before,) if self.drafting is None else (self.before, self.drafting.info)

    @property
    def bytes(self) -> int:
        """What the artefact will take on disk, foreseen; the real size once it is built."""
        if self.entry:
            return self.entry.record.bytes
        return sum(self.spec.artefact_bytes(layout, self.options) for layout in self.layouts)

    @property
    def peak_bytes(self) -> int:
        """The most memory that building takes, foreseen."""
        return max(self.spec.peak_bytes(layout, self.options) for layout in self.layouts)

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


def make(recipe: Recipe, info: CheckpointInfo, fingerprint: str, drafting: Drafting | None = None) -> Plan:
    """The plan of a legal `recipe` on the checkpoint with layout `info` and content `fingerprint`."""
    threads = physical_cores()
    layouts = predict(recipe, info)
    stages = []
    key = fingerprint
    for entry, before, after in zip(recipe.active, layouts, layouts[1:], strict=False):
        spec = passes.get(entry.name)
        options = parse_options(spec.options, entry.options, entry.name)
        key = keys.pass_key(key, spec, options, device=recipe.target.passes_on, threads=threads)
        stages.append(PassStage(spec, options, key, before, after, cache.stages().find(key)))
    runtime = runtimes.get(recipe.target.runtime)
    options = parse_options(runtime.options, recipe.target.options, runtime.name)
    if drafting is not None:
        key = f"{key}+{drafting.content}"
    built = keys.build_key(key, runtime, options, recipe.target, threads=threads)
    build = BuildStage(runtime, options, recipe.target, built, layouts[-1], cache.artefacts().find(built), drafting)
    return Plan(tuple(stages), build, threads)


def require_memory(plan: Plan) -> None:
    """Raise UserError (code "not_enough_memory") for the first stage to run whose predicted peak does not fit."""
    for stage in plan.to_do:
        room.require_memory(stage.spec.peak_bytes(stage.before, stage.options), f"“{stage.title}”")
    build = plan.build
    if build.entry is None:
        room.require_memory(build.peak_bytes, f"“{build.title}”")


def require_disk(plan: Plan, out: Path | None) -> None:
    """Make room in the cache, then raise UserError (code "disk_full") if what the run will write does not fit.

    `out` is where a copy of the artefact goes, None for nowhere. Sizes are predicted from headers; unchanged shards
    are linked, so it is an upper bound.
    """
    built = 0 if plan.build.entry else plan.build.bytes
    writes = sum(stage.after.bytes for stage in plan.to_do) + built + SPARE_DISK
    if out is not None:
        copied = plan.build.bytes + SPARE_DISK
        if room.existing(out).stat().st_dev == room.existing(paths.home()).stat().st_dev:
            writes += copied
        else:
            room.require_space(out, copied)
    free = room.free_bytes(paths.home())
    if writes > free:
        cache.trim(max(0, cache.held_bytes() - (writes - free)))
    room.require_space(paths.home(), writes)
