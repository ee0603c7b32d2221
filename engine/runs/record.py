"""What is kept of a finished run: what went in, what each stage did, what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.checkpoint.info import Task
from engine.recipe.recipe import Recipe

RECORD = "run.json"
ARTEFACT = "artefact"
CHECKPOINT = "checkpoint"
COMPARISONS = "comparisons"
EXPLANATION = "explanation.json"
PROFILE = "profile.json"


class StageRecord(BaseModel):
    """One stage of a run.

    Attributes:
        name: the pass or runtime title.
        key: its key in the stage cache (hex).
        state: "done" if this run made it, "cached" if it was taken from the cache.
        seconds: wall time it took when it was made.
        bytes: size on disk of what it wrote.
        facts: what it found or did, for display.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    key: str
    state: Literal["done", "cached"]
    seconds: float
    bytes: int
    facts: dict[str, str | int | float | bool | None] = {}


class ComparisonSummary(BaseModel):
    """One comparison that this run took part in; the whole of it lies in `file`, relative to the run's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    created: str
    file: str
    verdict: str = ""
    verdict_text: str = ""
    candidates: tuple[str, ...] = ()


class RunRecord(BaseModel):
    """A finished run, as in its run.json. Immutable.

    Attributes:
        id: sorts by time of creation.
        created: ISO 8601, UTC.
        name: the recipe's name, or what the recipe does.
        checkpoint: path of the checkpoint it started from.
        checkpoint_name: that checkpoint's name as a person would say it.
        fingerprint: that checkpoint's content fingerprint.
        recipe: what was done.
        stages: the passes in order, then the runtime's build.
        task: what the model is for.
        weight_bytes: bytes of all weights that the runtime reads.
        size_before, size_after: bytes on disk of the checkpoint's tensors and of the whole artefact.
        parents: ids of the runs whose result this one started from.
        engine: version of Hasten that made it.
        comparisons: filled in by the store from the run's folder; not part of run.json.
        folder: the run's folder; filled in by the store; not part of run.json.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: str
    created: str
    name: str
    checkpoint: str
    checkpoint_name: str
    fingerprint: str
    recipe: Recipe
    stages: tuple[StageRecord, ...]
    task: Task
    weight_bytes: int
    size_before: int
    size_after: int
    parents: tuple[str, ...] = ()
    engine: str
    comparisons: tuple[ComparisonSummary, ...] = ()
    folder: Path = Field(default_factory=Path)

    @property
    def artefact_folder(self) -> Path:
        """The built model: holds hasten.json and everything to open it."""
        return self.folder / ARTEFACT

    @property
    def checkpoint_folder(self) -> Path:
        """The checkpoint that the runtime was built from."""
        return self.folder / CHECKPOINT

    def to_json(self) -> str:
        """The text of run.json."""
        return self.model_dump_json(indent=2, by_alias=True, exclude={"comparisons", "folder"}) + "\n"
