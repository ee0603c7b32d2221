"""Run a recipe: pass after pass, each from the cache or made now, then the runtime's build, then the run's folder."""

from __future__ import annotations

import filecmp
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import __version__, heap, paths, settings
from engine.catalogue import load
from engine.checkpoint.fingerprint import fingerprint
from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.inspect import inspect
from engine.checkpoint.resolve import resolve
from engine.checkpoint.safety import needs_code, require_supported
from engine.checkpoint.trust import grant
from engine.drafts import clean, copy_tree, draft, link_tree, size_of
from engine.jobs import plan as planning
from engine.jobs.ahead import Ahead
from engine.jobs.base import JobContext
from engine.jobs.drafting import build_both, drafting
from engine.jobs.plan import BuildStage, PassStage, Plan
from engine.passes.base import Facts, PassContext
from engine.protocol.errors import UserError
from engine.protocol.events import StageChanged, Started
from engine.protocol.job import RunJob
from engine.recipe.recipe import Target
from engine.recipe.validate import problems, require_legal
from engine.room import require_writable
from engine.runs import cache
from engine.runs.cache import CONTENT, SCRATCH, Cache
from engine.runs.record import ARTEFACT, CHECKPOINT, RECORD, RunRecord, StageRecord
from engine.runs.store import RunStore
from engine.runtimes.base import DRAFT, MANIFEST, Artefact, BuildContext
from engine.runtimes.open import read_artefact

Function = Callable[[Any], Any]


def handle(job: RunJob, context: JobContext) -> dict[str, Any]:
    """Run `job`. Result: {"run": id, "artefact": folder, "stages": [StageRecord, …], "weight_bytes", "size_before",
    "size_after"}; with `out` also {"out": folder}.

    Finished stages stay in the cache whatever happens later, so the same job again goes on where this one ended.
    Raises UserError before anything is written when the recipe, the memory or the disk does not allow the run.
    """
    out = None if job.out is None else Path(job.out).expanduser().absolute()
    require_writable([paths.runs(), paths.stages(), paths.artefacts()])
    if out is not None:
        _require_free(out)
        require_writable([out.parent])
    for folder in (paths.runs(), paths.stages(), paths.artefacts()):
        clean(folder)
    source, parents = _source(job, context)
    info = inspect(source)
    if job.trust_remote_code and needs_code(info.config, info.architecture):
        grant(source)
    require_supported(info)
    require_legal(job.recipe, info)
    for problem in problems(job.recipe, info):
        context.notice(problem.text)
    context.progress(0, 0, "Reading the checkpoint")
    content = _read(source, Ahead(job.recipe, info), context)
    second = drafting(job.recipe.target, source, info, content, context.steps(unit="B"))
    with cache.in_use(planning.make(job.recipe, info, content, second).keys):
        plan = planning.make(job.recipe, info, content, second)  # the stages found now are there to stay
        planning.require_memory(plan)
        if out is not None and out.is_dir():
            if _holds(out, plan.build):
                out = None  # the same run again: what it would put there is there
            elif any(out.iterdir()):
                raise _taken(out)
        planning.require_disk(plan, out)
        context.emit(Started(job=job.id, stages=plan.titles))
        context.sessions.clear()  # their memory is the passes' to use
        work = Work(context, plan)
        folder, layout = work.run_passes(source, info)
        work.run_build(folder, layout)
        record = _record(job, work, source, info, content, parents)
        known = _known(record)
        if known is None:
            _keep(record, folder, work.artefact)
        else:  # exactly this was done before: it keeps its id and its comparisons
            record = known.model_copy(update={"stages": record.stages})
        if out is not None:
            if out.is_dir():
                os.rmdir(out)  # empty, as was checked; someone may have filled it since, then this refuses
            with draft(out) as place:  # copied, so that nobody's edits there reach the run
                copy_tree(work.artefact, place, context.steps(unit="file").step)
        cache.trim(settings.read().stage_quota_bytes)
    return {
        "run": record.id,
        "artefact": str(paths.runs() / record.id / ARTEFACT),
        "stages": [stage.model_dump(mode="json") for stage in record.stages],
        "weight_bytes": record.weight_bytes,
        "size_before": record.size_before,
        "size_after": record.size_after,
        **({"out": str(Path(job.out).expanduser().absolute())} if job.out is not None else {}),
    }


@dataclass
class Work:
    """One run in progress: what was done so far.

    Attributes:
        done: a record for every stage so far.
        artefact: the built model's folder in the cache, once there is one.
    """

    context: JobContext
    plan: Plan
    done: list[StageRecord] = field(default_factory=list)
    artefact: Path = field(default_factory=Path)

    def run_passes(self, source: Path, info: CheckpointInfo) -> tuple[Path, CheckpointInfo]:
        """The last checkpoint and its layout."""
        first = self.plan.last_cached
        if first >= 0:
            entry = self.plan.passes[first].entry
            assert entry is not None
            for record in entry.history:
                self._cached(record)
            source, info = entry.content, inspect(entry.content)
        for stage in self.plan.to_do:
            source = self._run_pass(stage, source, info)
            info = inspect(source)
        return source, info

    def run_build(self, source: Path, info: CheckpointInfo) -> None:
        """Build the artefact from the last checkpoint, or take it from the cache."""
        stage = self.plan.build
        if stage.entry is not None:
            self._cached(stage.entry.record)
            self.artefact = stage.entry.content
            return
        steps = self.context.steps(stage=len(self.done))

        def build(function: Function, folder: Path) -> Facts:
            def one(checkpoint: Path, layout: CheckpointInfo, destination: Path, target: Target) -> Artefact:
                context = BuildContext(
                    step=steps.step,
                    notice=steps.notice,
                    source=checkpoint,
                    destination=destination,
                    info=layout,
                    options=stage.options,
                    target=target,
                    scratch=folder / SCRATCH,
                )
                artefact: Artefact = function(context)
                return artefact

            return build_both(one, source, info, folder / CONTENT, stage.target, stage.drafting).facts

        self.artefact = self._make(stage, cache.artefacts(), stage.spec.build, build)

    def _run_pass(self, stage: PassStage, source: Path, info: CheckpointInfo) -> Path:
        steps = self.context.steps(stage=len(self.done))

        def run(function: Function, folder: Path) -> Facts:
            context = PassContext(
                step=steps.step,
                notice=steps.notice,
                source=source,
                destination=folder / CONTENT,
                info=info,
                options=stage.options,
                device=self.plan.build.target.passes_on,
                threads=self.plan.threads,
                scratch=folder / SCRATCH,
            )
            facts: Facts = function(context)
            return facts

        return self._make(stage, cache.stages(), stage.spec.run, run)

    def _make(
        self, stage: PassStage | BuildStage, into: Cache, entry: str, make: Callable[[Function, Path], Facts]
    ) -> Path:
        """Make one stage now with the function that `entry` names; its content folder in the cache."""
        index = len(self.done)
        self._tell(index, stage.title, "running")
        began = time.monotonic()
        try:
            self.context.check()
            function = load(entry)
            began = time.monotonic()  # loading libraries for the first time is not the stage's work
            with into.building(stage.key) as folder:
                facts = make(function, folder)
                self.context.check()
                seconds = time.monotonic() - began
                record = StageRecord(
                    name=stage.title, key=stage.key, state="done", seconds=seconds, bytes=0, facts=facts
                )
                into.finish(folder, self.done, record)
        except BaseException:
            self._tell(index, stage.title, "failed", seconds=time.monotonic() - began)
            raise
        made = into.find(stage.key)
        assert made is not None
        heap.trim()
        self.done.append(made.record.model_copy(update={"state": "done"}))
        self._tell(index, stage.title, "done", seconds=seconds, bytes=made.record.bytes, facts=made.record.facts)
        return made.content

    def _cached(self, record: StageRecord) -> None:
        taken = record.model_copy(update={"state": "cached"})
        self._tell(len(self.done), taken.name, "cached", seconds=taken.seconds, bytes=taken.bytes, facts=taken.facts)
        self.done.append(taken)

    def _tell(self, index: int, name: str, state: Any, **more: Any) -> None:
        self.context.emit(StageChanged(job=self.context.job, index=index, name=name, state=state, **more))


def _source(job: RunJob, context: JobContext) -> tuple[Path, tuple[str, ...]]:
    """The checkpoint folder to start from, and the runs whose result it is."""
    store = RunStore()
    if job.checkpoint and not Path(job.checkpoint).exists() and (store.root / job.checkpoint / RECORD).is_file():
        record = store.get(job.checkpoint)
        return record.checkpoint_folder, (record.id,)
    folder = resolve(job.checkpoint, context.steps(), trust_remote_code=job.trust_remote_code)
    if folder.resolve().is_relative_to(store.root.resolve()):
        parent = folder.resolve().relative_to(store.root.resolve()).parts[0]
        return folder, (parent,)
    return folder, ()


def _read(source: Path, ahead: Ahead, context: JobContext) -> str:
    """The fingerprint of `source`. Where its files must be read for that, the run's libraries are loaded meanwhile."""
    steps = context.steps(unit="B").step

    def step(done: float, total: float, text: str) -> None:
        ahead.start()
        steps(done, total, text)

    content = fingerprint(source, step)
    context.progress(0, 0, "Loading libraries")
    ahead.wait()
    return content


def _record(
    job: RunJob, work: Work, source: Path, info: CheckpointInfo, content: str, parents: tuple[str, ...]
) -> RunRecord:
    artefact = read_artefact(work.artefact)
    assert artefact is not None
    draft_artefact = read_artefact(work.artefact / DRAFT)
    now = datetime.now(UTC)
    return RunRecord(
        id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        created=now.isoformat(timespec="seconds"),
        name=job.recipe.name or " → ".join(work.plan.titles),
        checkpoint=str(source),
        checkpoint_name=RunStore().get(parents[0]).checkpoint_name if parents else source.name,
        fingerprint=content,
        recipe=job.recipe,
        stages=tuple(work.done),
        task=info.task,
        weight_bytes=artefact.weight_bytes + (draft_artefact.weight_bytes if draft_artefact else 0),
        size_before=info.bytes,
        size_after=size_of(work.artefact),
        parents=parents,
        engine=__version__,
    )


def _known(record: RunRecord) -> RunRecord | None:
    """The run in the history of which `record`, all of it taken from the cache, is a repetition."""
    if any(stage.state != "cached" for stage in record.stages):
        return None
    asked = record.model_dump(include={"name", "checkpoint", "fingerprint", "recipe", "parents", "engine"})
    keys = [stage.key for stage in record.stages]
    for known in RunStore().list():
        if known.model_dump(include=set(asked)) == asked and [stage.key for stage in known.stages] == keys:
            return known
    return None


def _keep(record: RunRecord, checkpoint: Path, artefact: Path) -> None:
    """Write the run's folder: its own links to the artefact and the last checkpoint, so that stages may be deleted."""
    with draft(paths.runs() / record.id) as folder:
        (folder / ARTEFACT).mkdir()
        link_tree(artefact, folder / ARTEFACT)
        (folder / CHECKPOINT).mkdir()
        link_tree(checkpoint, folder / CHECKPOINT)
        (folder / "recipe.yaml").write_text(record.recipe.to_yaml(), encoding="utf-8")
        (folder / RECORD).write_text(record.to_json(), encoding="utf-8")


def _require_free(out: Path) -> None:
    """Raise UserError unless `out` is absent, an empty folder, or holds a built model (maybe this run's own)."""
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file()):
        raise _taken(out)


def _holds(out: Path, stage: BuildStage) -> bool:
    """Whether folder `out` holds exactly the files of the artefact that `stage` built before."""
    if stage.entry is None:
        return False
    made = stage.entry.content
    names = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    there = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    return names == there and all(filecmp.cmp(made / name, out / name, shallow=False) for name in names)


def _taken(out: Path) -> UserError:
    return UserError(
        f"“{out}” already exists and is not an empty folder.",
        "Choose another folder for the result.",
        where=str(out),
    )
