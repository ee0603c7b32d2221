"""From what was observed of a candidate to its measurements, through every metric that applies."""

from __future__ import annotations

from engine.catalogue import load
from engine.checkpoint.info import Task
from engine.metrics.base import Observed
from engine.metrics.catalog import all_metrics
from engine.protocol.measurement import Measurement


def measure_all(observed: Observed, task: Task, *, is_reference: bool = False) -> tuple[Measurement, ...]:
    """The measurements of a `task` model in catalogue order; a metric without its observations gives none."""
    found = []
    for spec in all_metrics().values():
        if task not in spec.tasks or (is_reference and spec.needs_reference):
            continue
        measurement = load(spec.run)(observed)
        if measurement is not None:
            found.append(measurement)
    return tuple(found)
