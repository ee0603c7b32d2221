"""The slow hundredth of the times to a response with several clients, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="load_response_p99_seconds",
    title="Response under load, p99",
    unit="s",
    better="lower",
    help=(
        "99 of 100 requests of several clients at once begin to be answered within this time, waiting for "
        "their turn included."
    ),
    tasks=ALL,
    kind="speed",
    run="engine.metrics.load_response_p99_seconds.run:measure",
)
