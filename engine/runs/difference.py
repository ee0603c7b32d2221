"""What differs between two runs, as rows of a table."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.recipe.recipe import Recipe
from engine.runs.record import RunRecord


class Change(NamedTuple):
    """`what` is `a` in the first run and `b` in the second; None where it is absent."""

    what: str
    a: Any
    b: Any


def difference(a: RunRecord, b: RunRecord) -> list[Change]:
    """Everything that differs but ids and times: checkpoint, recipe, stage facts, sizes."""
    first, second = _flat(a), _flat(b)
    names = dict.fromkeys([*first, *second])
    return [Change(name, first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)]


def _flat(record: RunRecord) -> dict[str, Any]:
    rows: dict[str, Any] = {
        "checkpoint": record.checkpoint_name,
        "checkpoint content": record.fingerprint,
        "engine": record.engine,
        **_recipe(record.recipe),
    }
    for position, stage in enumerate(record.stages, 1):
        for fact, value in stage.facts.items():
            rows[f"stage {position} {stage.name}: {fact}"] = value
    rows |= {
        "weight bytes": record.weight_bytes,
        "size before": record.size_before,
        "size after": record.size_after,
    }
    return rows


def _recipe(recipe: Recipe) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for position, entry in enumerate(recipe.active, 1):
        rows[f"pass {position}"] = entry.name
        rows |= {f"pass {position} {entry.name}.{option}": value for option, value in entry.options.items()}
    target = recipe.target.model_dump(mode="json")
    rows |= {f"target.{key}": value for key, value in target.items() if key != "options"}
    rows |= {f"target.{option}": value for option, value in recipe.target.options.items()}
    return rows
