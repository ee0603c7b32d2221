"""Questions answered rightly, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="task_accuracy",
    title="Questions answered rightly",
    unit="1",
    better="higher",
    help="The share of your own questions that get the expected answer.",
    tasks=DECODERS,
    kind="quality",
    run="engine.metrics.task_accuracy.run:measure",
)
