"""One artefact measured on several machines, side by side: what each machine's exported figures say. No verdict."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.compare.conditions import grouped
from engine.compare.table import Candidate, Comparison
from engine.protocol.errors import UserError
from engine.protocol.measurement import Measurement

APART = (
    "Measured apart from one another, not in turn: these figures say what each machine reached, not how sure a "
    "difference between machines is. So there is no verdict here."
)
OTHER_CHECKPOINT = "These are not of one checkpoint: its content differs."
OTHER_RECIPE = "These are not of one recipe: what was done to the checkpoint differs."


@dataclass(frozen=True)
class Machine:
    """What was measured on one machine.

    Attributes:
        title: what the machine is called here.
        run, checkpoint, fingerprint: the run's id, its checkpoint's name and that checkpoint's content.
        recipe: what was done to it, as JSON.
        comparison: what was measured; its first candidate is the original.
    """

    title: str
    run: str
    checkpoint: str
    fingerprint: str
    recipe: dict[str, Any]
    comparison: Comparison

    @property
    def models(self) -> tuple[Candidate, ...]:
        """The original, and the run's result after it."""
        first, *others = self.comparison.candidates
        own = next((one for one in others if one.reference == self.run), others[-1] if others else None)
        return (first,) if own is None else (first, own)


@dataclass(frozen=True)
class Line:
    """One measurement of one model: `values` by machine, None where it was not measured."""

    model: int
    name: str
    values: tuple[Measurement | None, ...]


@dataclass(frozen=True)
class SideBySide:
    """Several machines beside one another.

    Attributes:
        machines: their titles.
        models: what the original and the result are called.
        lines: every measurement of the original, then of the result.
        differing: conditions that are not everywhere the same: title, and its value by machine.
        notices: what a reader must know before comparing.
    """

    machines: tuple[str, ...]
    models: tuple[str, ...]
    lines: tuple[Line, ...]
    differing: tuple[tuple[str, tuple[str, ...]], ...]
    notices: tuple[str, ...]


def read(path: Path) -> Machine:
    """The figures in `path`, as the export format “figures” writes them. Raises UserError for anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        run, comparison = found["run"], found["comparison"]
        about = (run["id"], run["checkpoint_name"], run["fingerprint"], dict(run["recipe"]))
    except OSError as error:
        raise UserError(
            f"“{path}” cannot be read: {error.strerror}.", "Choose another file.", where=str(path), code="not_found"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"“{path.name}” holds no figures of a run.",
            "Choose a file that was exported as “Report as JSON” (hasten export RUN --format figures).",
            where=str(path),
        ) from error
    if comparison is None:
        raise UserError(
            f"“{path.name}” was exported before its run was compared, so nothing was measured.",
            "Compare the run on that machine, and export it again.",
            where=str(path),
        )
    try:
        made = Comparison.model_validate(comparison)
    except ValidationError as error:
        raise UserError(
            f"“{path.name}” was written by another version of Hasten and cannot be understood.",
            "Export it again with the version that is installed here.",
            where=str(path),
        ) from error
    return Machine(path.stem, *about, made)


def side_by_side(machines: Sequence[Machine]) -> SideBySide:
    """`machines` beside one another. Raises UserError for fewer than two."""
    if len(machines) < 2:
        raise UserError("One file alone has nothing beside it.", "Give the figures of two machines or more.")
    lines = []
    for model in (0, 1):
        lists = [machine.models[model].measurements if model < len(machine.models) else () for machine in machines]
        for name in dict.fromkeys(m.name for measured in lists for m in measured):
            values = tuple(next((m for m in measured if m.name == name), None) for measured in lists)
            lines.append(Line(model, name, values))
    known = [
        {title: text for rows in grouped(m.comparison.conditions).values() for title, text in rows} for m in machines
    ]
    titles = dict.fromkeys(title for rows in known for title in rows)
    differing = [(title, tuple(rows.get(title, "–") for rows in known)) for title in titles]
    most = max(machines, key=lambda machine: len(machine.models))
    return SideBySide(
        machines=_titles(machines),
        models=tuple(model.name for model in most.models),
        lines=tuple(lines),
        differing=tuple((title, texts) for title, texts in differing if len(set(texts)) > 1),
        notices=(*_unlike(machines), APART),
    )


def _unlike(machines: Sequence[Machine]) -> list[str]:
    """In what the artefacts are not the same."""
    found = []
    if len({machine.fingerprint for machine in machines}) > 1:
        found.append(OTHER_CHECKPOINT)
    steps = [{key: value for key, value in machine.recipe.items() if key != "name"} for machine in machines]
    if any(one != steps[0] for one in steps):
        found.append(OTHER_RECIPE)
    return found


def _titles(machines: Sequence[Machine]) -> tuple[str, ...]:
    """Their titles; equal ones are numbered."""
    shared, seen = Counter(machine.title for machine in machines), Counter[str]()
    made = []
    for machine in machines:
        seen[machine.title] += 1
        made.append(f"{machine.title} {seen[machine.title]}" if shared[machine.title] > 1 else machine.title)
    return tuple(made)
