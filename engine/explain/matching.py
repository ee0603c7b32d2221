"""Which layer of the original each layer of a run's checkpoint is. Free of torch."""

from __future__ import annotations

from collections.abc import Sequence

from engine.protocol.errors import UserError
from engine.runs.record import RunRecord

_DROPPED = "layers dropped"  # the fact that depth pruning tells


def kept_layers(record: RunRecord, before: int, after: int) -> tuple[int, ...]:
    """For each of the `after` layers of the run's checkpoint, which of the original's `before` layers it is.

    Raises UserError where the run does not tell which layers went.
    """
    left = list(range(before))
    for entry, stage in zip(record.recipe.active, record.stages, strict=False):
        dropped = stage.facts.get(_DROPPED)
        if entry.name == "prune_depth" and dropped is not None:
            gone = _numbers(str(dropped))
            left = [layer for place, layer in enumerate(left) if place not in gone]
    if len(left) != after:
        raise UserError(
            f"The checkpoint has {after} layers where the original has {before}, and the run does not tell which "
            "ones are left.",
            "Run the recipe again, then ask for the layers of that run.",
            where=record.id,
        )
    return tuple(left)


def dropped_layers(record: RunRecord) -> int:
    """How many layers of its original the run dropped."""
    return sum(len(_numbers(str(stage.facts.get(_DROPPED, "")))) for stage in record.stages)


def gaps(kept: Sequence[int], before: int) -> list[tuple[int, list[int]]]:
    """For every kept layer its number in the original and those dropped right before it; dropped ones behind the last
    kept stand alone at the end, under the number -1."""
    found, start = [], 0
    for layer in kept:
        found.append((layer, list(range(start, layer))))
        start = layer + 1
    return [*found, (-1, list(range(start, before)))]


def _numbers(text: str) -> set[int]:
    return {int(part) for part in text.split(",") if part.strip().isdigit()}
