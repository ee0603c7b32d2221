"""The models in between a finished run: the checkpoint after each of its passes, and what its runtime makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine import paths, room, settings
from engine.checkpoint.fingerprint import fingerprint
from engine.checkpoint.inspect import inspect
from engine.jobs import plan as planning
from engine.jobs.base import JobContext
from engine.jobs.run import Work
from engine.passes import catalog as passes
from engine.protocol.errors import UserError
from engine.recipe.recipe import Recipe
from engine.recipe.validate import require_legal
from engine.runs import cache
from engine.runs.record import RunRecord


class Stages:
    """The stages of run `record`, from the cache or made again.

    Attributes:
        source, info: the checkpoint that the run started from, and its layout.
        remade: titles of the passes whose checkpoint was no longer there and was made again.
    """

    def __init__(self, record: RunRecord, context: JobContext) -> None:
        """Raises UserError where the checkpoint that the run started from is gone or is another one now."""
        self.record, self._context = record, context
        self.source = Path(record.checkpoint)
        self.remade: list[str] = []
        if not (self.source / "config.json").is_file():
            raise UserError(
                "The checkpoint that this run started from is no longer there.",
                "Put it back where it was, or run the recipe again on another copy of it.",
                where=str(self.source),
                code="not_found",
            )
        self.info = inspect(self.source)
        context.progress(0, 0, "Reading the checkpoint")
        self._content = fingerprint(self.source, context.steps(unit="B").step)
        if self._content != record.fingerprint:
            raise UserError(
                "The checkpoint that this run started from has changed since.",
                "Run the recipe again: its stages are then those of the new checkpoint.",
                where=str(self.source),
            )

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While the block runs no process trims the run's stages; afterwards the cache is held to its quota again."""
        with cache.in_use([stage.key for stage in self.record.stages]):
            yield
        cache.trim(settings.read().stage_quota_bytes)

    def checkpoints(self) -> list[Path]:
        """The checkpoint after each pass, in order. Raises UserError where making one again is not possible."""
        passes = len(self.record.recipe.active)
        return [self._checkpoint(count) for count in range(1, passes + 1)]

    def built(self, count: int) -> Path:
        """What the run's runtime makes of the checkpoint after `count` passes (0: of the original): an artefact folder.

        Raises UserError where it cannot hold it.
        """
        if count == len(self.record.recipe.active):
            return self.record.artefact_folder
        recipe = self._first(count)
        require_legal(recipe, self.info)
        plan = planning.make(recipe, self.info, self._content)
        planning.require_memory(plan)
        planning.require_disk(plan, None)
        work = Work(self._context, plan)
        work.run_build(*work.run_passes(self.source, self.info))
        return work.artefact

    def _checkpoint(self, count: int) -> Path:
        """The checkpoint after the first `count` passes."""
        if count == len(self.record.recipe.active):
            return self.record.checkpoint_folder  # a run keeps its last one
        stage = self.record.stages[count - 1]
        entry = cache.stages().find(stage.key)
        if entry is not None:
            return entry.content
        plan = planning.make(self._first(count), self.info, self._content)
        for left in plan.to_do:
            room.require_memory(left.spec.peak_bytes(left.before, left.options), f"“{left.title}”")
        if plan.to_do:
            self.remade.append(stage.name)
            room.require_space(paths.home(), sum(left.after.bytes for left in plan.to_do))
        folder, _ = Work(self._context, plan).run_passes(self.source, self.info)
        return folder

    def _first(self, count: int) -> Recipe:
        """The run's recipe with its first `count` passes only."""
        return self.record.recipe.model_copy(update={"passes": self.record.recipe.active[:count]})


def require_same_tokens(record: RunRecord) -> None:
    """Raise UserError if a pass of the run changed what token ids mean: nothing can then be followed through it."""
    changing = [spec for entry in record.recipe.active if not (spec := passes.get(entry.name)).keeps_tokens]
    if changing:
        raise UserError(
            f"“{changing[0].title}” leaves tokens out, so predictions cannot be followed through this run.",
            "Compare the run with the original: that measures the tokens which both have.",
            where=record.id,
        )
