"""A profile in words and numbers as people read them: for the command line and the report."""

from __future__ import annotations

from engine.compare.format import format_bytes, format_measurement, format_percent, format_seconds
from engine.compare.module_times import Grouping, ModuleProfile, PhaseName, Row, rows
from engine.compare.modules import Half

PHASES: dict[PhaseName, str] = {"decode": "One new token", "prefill": "Reading the prompt"}


def table(found: ModuleProfile, phase: PhaseName, grouping: Grouping) -> tuple[list[str], list[list[str]]]:
    """Column titles, and a row for every part; of every model its time, its share and the weights it holds."""
    heads = [PHASES[phase]]
    for model in found.models:
        heads += [model.name, "Share", "Weights"]
    made = []
    for row in rows(found, phase, grouping):
        cells = [row.title]
        for cell, share in zip(row.cells, row.shares, strict=True):
            if cell is None or share is None:
                cells += ["–", "", ""]
                continue
            weights = format_bytes(cell.weight_bytes) if cell.weight_bytes else ""
            cells += [" ".join(format_measurement(cell.seconds)), format_percent(share), weights]
        made.append(cells)
    whole = ["All of it"]
    for model in found.models:
        measured = model.phase(phase)
        whole += [" ".join(format_measurement(measured.seconds)), "100 %", ""] if measured else ["–", "", ""]
    return heads, [*made, whole]


def sentences(found: ModuleProfile, phase: PhaseName) -> list[str]:
    """What takes most of each model's time, and what the profiler itself costs."""
    told = []
    for place, model in enumerate(found.models):
        measured = model.phase(phase)
        if measured is None:
            continue
        worst = largest(rows(found, phase, "kind"), place)
        most = f"“{worst.title}” takes {format_percent(worst.shares[place] or 0.0)}" if worst else "nothing"
        both = halves(found, phase, place)
        if both:
            most += (
                f"; the encoder takes {format_percent(both['encoder'])}, the decoder {format_percent(both['decoder'])}"
            )
        told.append(
            f"{model.name} ({model.runtime}): {most}; {format_seconds(measured.seconds.value)} under the profiler, "
            f"{format_seconds(measured.plain.value)} without it ({measured.seconds.samples} and "
            f"{measured.plain.samples} observations)."
        )
    return told


def halves(found: ModuleProfile, phase: PhaseName, place: int) -> dict[Half, float]:
    """Which share of model `place`'s time encoder and decoder take, 0 to 1; empty for a model of one half."""
    shares: dict[Half, float] = {"encoder": 0.0, "decoder": 0.0}
    for row in rows(found, phase, "kind"):
        if row.place.half:
            shares[row.place.half] += row.shares[place] or 0.0
    return shares if any(shares.values()) else {}


def largest(found: list[Row], place: int) -> Row | None:
    """The row that takes most of model `place`'s time."""
    timed = [row for row in found if row.shares[place] is not None]
    return max(timed, key=lambda row: row.shares[place] or 0.0, default=None)
