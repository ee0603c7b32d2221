"""The slow tenth of the times to a response with several clients, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="load_response_p90_seconds",
    title="Response under load, p90",
    unit="s",
    better="lower",
    help=(
        "Nine of ten requests of several clients at once begin to be answered within this time, waiting for "
        "their turn included."
    ),
    tasks=ALL,
    kind="speed",
    run="engine.metrics.load_response_p90_seconds.run:measure",
)
