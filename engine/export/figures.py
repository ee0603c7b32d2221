"""What a report says, for other programs: everything as JSON, the measurements as a CSV table. Free of torch."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from engine.compare.module_times import ModuleProfile
from engine.compare.table import Comparison
from engine.export.base import ExportContext
from engine.runs.record import RunRecord
from engine.runs.store import RunStore

COLUMNS = (
    "model", "runtime", "device", "measurement", "unit", "better", "value", "low", "high", "confidence", "samples",
    "text", "prompt_tokens", "new_tokens", "batch",
)  # fmt: skip


def newest(run: RunRecord) -> Comparison | None:
    """The newest comparison that is stored beside `run`, if it was ever compared."""
    stored = RunStore(run.folder.parent).comparisons(run.id)
    return Comparison.model_validate(stored[-1]) if stored else None


def document(run: RunRecord, comparison: Comparison | None) -> dict[str, Any]:
    """The run and its comparison as JSON values, without the folders of this machine."""
    made = run.model_dump(mode="json", exclude={"checkpoint", "folder", "comparisons"})
    compared = None if comparison is None else comparison.model_dump(mode="json")
    for candidate in compared["candidates"] if compared else ():
        if candidate["reference"] != run.id:  # what it was asked for by may be a folder of this machine
            candidate["reference"] = ""
    return {"run": made, "comparison": compared}


def write_json(context: ExportContext) -> None:
    """Write run, conditions, measurements, answers, differences, explanation and profile as one JSON document."""
    found = document(context.run, newest(context.run))
    store = RunStore(context.run.folder.parent)
    if (explanation := store.explanation(context.run.id)) is not None:
        found["explanation"] = explanation
    if (timed := store.profile(context.run.id)) is not None:
        # what a model was asked for by may be a folder of this machine
        found["profile"] = ModuleProfile.model_validate(timed).model_dump(
            mode="json", exclude={"models": {"__all__": {"reference"}}}
        )
    text = json.dumps(found, ensure_ascii=False, indent=1)
    context.destination.write_text(text + "\n", encoding="utf-8")


def write_csv(context: ExportContext) -> None:
    """Write a row for each measurement of each model; only the header where nothing has been compared yet."""
    comparison = newest(context.run)
    with context.destination.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        if comparison is not None:
            rows.writerows(_rows(comparison))


def _rows(comparison: Comparison) -> Iterator[list[Any]]:
    """Each model's measurements, those on the second text, and its requests of several shapes."""
    for candidate in comparison.candidates:
        model = [candidate.name, candidate.runtime, candidate.device]
        for m in (*candidate.measurements, *candidate.second):
            kept = [m.name, m.unit, m.better, m.value, m.low, m.high, m.confidence, m.samples]
            yield [*model, *kept, *(m.conditions.get(name, "") for name in COLUMNS[len(model) + len(kept) :])]
    for cell in comparison.grid:
        candidate, ratio = comparison.candidates[cell.candidate], cell.speedup
        yield [
            candidate.name, candidate.runtime, candidate.device, "request_speedup", "1", "higher", ratio.value,
            ratio.low, ratio.high, ratio.confidence, ratio.rounds, "", cell.prompt_tokens, cell.new_tokens, cell.batch,
        ]  # fmt: skip
