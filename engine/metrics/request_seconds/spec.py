"""Time per request, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ENCODERS, MetricSpec

SPEC = MetricSpec(
    name="request_seconds",
    title="Time per request",
    unit="s",
    better="lower",
    help="How long the model takes for one text.",
    tasks=ENCODERS,
    kind="speed",
    run="engine.metrics.request_seconds.run:measure",
)
