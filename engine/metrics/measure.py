"""From what was observed of a candidate to its measurements, through every metric that applies."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from engine.catalogue import load
from engine.checkpoint.info import Task
from engine.compare.table import Change
from engine.metrics.base import MetricSpec, Observed
from engine.metrics.catalog import all_metrics
from engine.metrics.rows import change_of
from engine.protocol.measurement import Measurement


def measure_all(observed: Observed, task: Task, *, is_reference: bool = False) -> tuple[Measurement, ...]:
    """The measurements of a `task` model in catalogue order; a metric without its observations gives none."""
    found = []
    for spec in _applying(task):
        if is_reference and spec.needs_reference:
            continue
        measurement = load(spec.run)(observed)
        if measurement is not None:
            found.append(measurement)
    return tuple(found)


def changes(reference: Observed, candidate: Observed, task: Task) -> tuple[Change, ...]:
    """How the metrics of a `task` model that are computed of cases differ between two that saw the same cases."""
    found = []
    for spec in _applying(task):
        before, after = (load(spec.rows)(one) if spec.rows else None for one in (reference, candidate))
        if before is not None and after is not None:
            found.append(change_of(spec.name, before, after))
    return tuple(found)


def scores(observed: Observed, task: Task) -> dict[str, tuple[float, ...]]:
    """By metric's name, what every source text of the user's scores alone."""
    if not observed.written:
        return {}
    found = {}
    for spec in _applying(task):
        rows = load(spec.rows)(observed) if spec.rows else None
        if rows is not None and rows.each is not None:
            found[spec.name] = tuple(round(float(score), 4) for score in rows.each)
    return found


def lacking(task: Task) -> Iterator[MetricSpec]:
    """The metrics of a `task` model that cannot be computed, because their package is not installed."""
    return (spec for spec in all_metrics().values() if task in spec.tasks and not _installed(spec))


def _applying(task: Task) -> Iterator[MetricSpec]:
    return (spec for spec in all_metrics().values() if task in spec.tasks and _installed(spec))


def _installed(spec: MetricSpec) -> bool:
    return not spec.package or importlib.util.find_spec(spec.package) is not None
