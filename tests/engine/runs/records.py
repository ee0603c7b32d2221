"""Runs made by hand for tests of the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.recipe.recipe import PassEntry, Recipe
from engine.runs.record import RECORD, RunRecord, StageRecord


def record(run_id: str, **changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "id": run_id,
        "created": "2026-01-02T03:04:05+00:00",
        "name": "int8",
        "checkpoint": "/models/tiny",
        "checkpoint_name": "tiny",
        "fingerprint": "f" * 32,
        "recipe": Recipe(name="int8", passes=(PassEntry.model_validate({"pass": "quantize", "options": {"bits": 8}}),)),
        "stages": (StageRecord(name="Quantize", key="k", state="done", seconds=1.5, bytes=10, facts={"modules": 7}),),
        "task": "text-generation",
        "weight_bytes": 100,
        "size_before": 400,
        "size_after": 110,
        "engine": "0.1.0",
    }
    return RunRecord.model_validate({**values, **changes})


def put(root: Path, run_id: str, **changes: Any) -> RunRecord:
    made = record(run_id, **changes)
    (root / run_id / "artefact").mkdir(parents=True)
    (root / run_id / RECORD).write_text(made.to_json(), encoding="utf-8")
    return made
