"""Accuracy, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import CLASSIFIERS, MetricSpec

SPEC = MetricSpec(
    name="accuracy",
    title="Accuracy",
    unit="1",
    better="higher",
    help="The share of the data set's texts that get the right label.",
    tasks=CLASSIFIERS,
    kind="quality",
    run="engine.metrics.accuracy.run:measure",
    rows="engine.metrics.accuracy.run:rows",
)
