"""Entity F1, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import TAGGERS, MetricSpec

SPEC = MetricSpec(
    name="entity_f1",
    title="Entity F1",
    unit="1",
    better="higher",
    help=(
        "Precision and recall of the data set's names and the like in one number; one counts only when all its words "
        "and its kind are right."
    ),
    tasks=TAGGERS,
    kind="quality",
    run="engine.metrics.entity_f1.run:measure",
    rows="engine.metrics.entity_f1.run:rows",
)
