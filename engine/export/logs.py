"""A comparison as the logs of training tools see it: curves, figures and settings by model. Free of torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.compare.conditions import in_one_line
from engine.compare.table import Candidate, Comparison
from engine.export.figures import newest
from engine.runs.record import RunRecord

Value = str | int | float | bool
NOTHING = "This run has not been compared yet, so there are no figures to log."


@dataclass(frozen=True)
class Log:
    """What is logged of one model.

    Attributes:
        name: unique in the comparison, fit for a folder.
        settings: what made it: recipe, runtime, device.
        figures: "measured/NAME" with its bounds "measured_low/NAME" and "measured_high/NAME".
        curves: values by step: "rounds/NAME" by round, "answers/…" by token, "memory/…" by reading.
        notes: sentences, by title.
    """

    name: str
    settings: dict[str, Value]
    figures: dict[str, float]
    curves: dict[str, tuple[float, ...]]
    notes: dict[str, str]


def refusal(run: RunRecord) -> str:
    """Why there is nothing to log, or ""."""
    return "" if run.comparisons else NOTHING


def logs(run: RunRecord) -> list[Log]:
    """One for each model of the newest comparison."""
    comparison = newest(run)
    if comparison is None:
        return []
    return [_log(run, comparison, place, candidate) for place, candidate in enumerate(comparison.candidates)]


def _log(run: RunRecord, comparison: Comparison, place: int, candidate: Candidate) -> Log:
    settings: dict[str, Value] = {"runtime": candidate.runtime, "device": candidate.device, "model": candidate.name}
    settings |= {key: value for key in ("threads", "cpu") if (value := comparison.conditions.get(key)) is not None}
    if candidate.reference == run.id:
        settings |= {"run": run.id, "checkpoint": run.checkpoint_name, **_recipe(run)}
    figures: dict[str, float] = {}
    curves: dict[str, tuple[float, ...]] = {}
    for m in candidate.measurements:
        figures |= {f"measured/{m.name}": m.value, f"measured_low/{m.name}": m.low, f"measured_high/{m.name}": m.high}
        if len(m.values) > 1:
            curves[f"rounds/{m.name}"] = m.values
    for m in candidate.second:
        figures[f"second_text/{m.name}"] = m.value
    curves["answers/inter_token_latency_seconds"] = tuple(t.seconds for a in candidate.answers for t in a.tokens[1:])
    curves["memory/resident_bytes"] = tuple(float(held) for _, held in candidate.memory)
    words = candidate.verdict_text or ("The others are compared with this model." if place == 0 else "")
    notes = {"verdict": words, "conditions": in_one_line(comparison.conditions)}
    return Log(
        f"{place}-{re.sub(r'[^A-Za-z0-9._-]+', '-', candidate.name).strip('-') or 'model'}",
        settings,
        figures,
        {name: values for name, values in curves.items() if values},
        {title: text for title, text in notes.items() if text},
    )


def _recipe(run: RunRecord) -> dict[str, Value]:
    """Every option that the recipe sets: "quantize.bits": 4."""
    found: dict[str, Value] = {}
    for entry in (entry for entry in run.recipe.passes if entry.enabled):
        for key, value in entry.options.items():
            found[f"{entry.name}.{key}"] = _plain(value)
    return found


def _plain(value: object) -> Value:
    if isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Sequence):
        return ", ".join(map(str, value))
    return str(value)
