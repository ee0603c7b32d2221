"""F1 score, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import CLASSIFIERS, MetricSpec

SPEC = MetricSpec(
    name="f1",
    title="F1 score",
    unit="1",
    better="higher",
    help=(
        "Precision and recall in one number, averaged over the classes, so that rare classes count as much as "
        "frequent ones."
    ),
    tasks=CLASSIFIERS,
    kind="quality",
    run="engine.metrics.f1.run:measure",
    rows="engine.metrics.f1.run:rows",
)
