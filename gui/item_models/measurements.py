"""A comparison's measurements as a table: one row a metric, one column a candidate, then the ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication

from engine.compare.changes import signed
from engine.compare.format import format_percent
from engine.compare.table import Candidate, Change
from engine.metrics import catalog as metrics
from engine.metrics.base import MetricSpec
from engine.protocol.measurement import Measurement
from gui.item_models.rows import Column
from gui.numbers import MISSING, interval, measured, ratio
from gui.translate import engine_text


@dataclass(frozen=True)
class MetricRow:
    """One metric over all candidates; None where a candidate has none. `second`: on the second text.

    `changes`: how each differs from the first on the same cases, where that is known.
    """

    spec: MetricSpec
    values: tuple[Measurement | None, ...]
    second: bool = False
    changes: tuple[Change | None, ...] = ()

    @property
    def title(self) -> str:
        """What it is called, translated."""
        own = engine_text(self.spec.title)
        return _tr("%1, second text").replace("%1", own) if self.second else own


def rows_of(
    candidates: Sequence[Candidate] | Sequence[Sequence[Measurement]],
    *,
    second: bool = False,
    changes: Sequence[Sequence[Change]] = (),
) -> list[MetricRow]:
    """The metrics that at least one candidate has, in the catalogue's order; `second`: measured on the second text;
    `changes`: a candidate's against the first one's on the same cases, where these are known."""
    lists = [c.measurements if isinstance(c, Candidate) else c for c in candidates]
    found = []
    for spec in metrics.all_metrics().values():
        values = tuple(next((m for m in measured if m.name == spec.name), None) for measured in lists)
        if any(values):
            own = tuple(next((c for c in each if c.name == spec.name), None) for each in changes)
            found.append(MetricRow(spec, values, second, own))
    return found


def columns(names: Sequence[str]) -> list[Column[MetricRow]]:
    """Metric, one column per candidate called `names`, and how each after the first compares with it."""
    made: list[Column[MetricRow]] = [
        Column(_tr("Measurement"), lambda r: r.title, tip=lambda r: engine_text(r.spec.help))
    ]
    for place, name in enumerate(names):
        made.append(
            Column(
                name,
                partial(_cell, place=place),
                tip=partial(_tip, place=place),
                number=True,
            )
        )
    for place in range(1, len(names)):
        title = _tr("Change") if len(names) == 2 else _tr("Change of %1").replace("%1", names[place])
        made.append(
            Column(
                title,
                partial(change, place=place),
                number=True,
                tip=partial(change_words, place=place),
            )
        )
    return made


def change(row: MetricRow, place: int = 1) -> str:
    """The candidate against the reference: a factor for speed and bytes, a difference in percent for quality."""
    first, other = row.values[0], row.values[place] if place < len(row.values) else None
    if first is None or other is None or first.value == 0:
        return MISSING
    if row.spec.kind == "quality":
        return format_percent(other.value / first.value - 1, sign=True)
    return ratio(other.value / first.value)


def change_words(row: MetricRow, place: int = 1) -> str:
    """Whether the change is a gain or a loss, in words; says so when the intervals overlap."""
    first, other = row.values[0], row.values[place] if place < len(row.values) else None
    if first is None or other is None:
        return ""
    if first.value == other.value:
        return _tr("the same")
    paired = row.changes[place] if place < len(row.changes) else None
    better = (other.value > first.value) == (row.spec.better == "higher")
    if paired is not None:
        words = _tr("better on the same cases") if better else _tr("worse on the same cases")
        if not paired.proven:
            words = _tr("no proven difference on the same cases")
        bounds = f"{signed(paired.low)} … {signed(paired.high)}, {paired.confidence * 100:.0f} %"
        return f"{words} ({bounds})"
    if other.low <= first.high and first.low <= other.high:
        return _tr("no clear difference: the intervals overlap")
    return _tr("better") if better else _tr("worse")


def _cell(row: MetricRow, place: int) -> str:
    return measured(row.values[place]) if place < len(row.values) else MISSING


def _tip(row: MetricRow, place: int) -> str:
    measurement = row.values[place] if place < len(row.values) else None
    if measurement is None:
        return ""
    conditions = ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in measurement.conditions.items())
    return interval(measurement) + (f"\n{conditions}" if conditions else "")


def _tr(text: str) -> str:
    return QCoreApplication.translate("MeasurementModel", text)
