"""Tag accuracy, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import TAGGERS, MetricSpec

SPEC = MetricSpec(
    name="tag_accuracy",
    title="Tag accuracy",
    unit="1",
    better="higher",
    help="The share of the data set's words that get the right tag.",
    tasks=TAGGERS,
    kind="quality",
    run="engine.metrics.tag_accuracy.run:measure",
    rows="engine.metrics.tag_accuracy.run:rows",
)
