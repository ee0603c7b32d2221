"""The typical time to a response with several clients, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="load_response_p50_seconds",
    title="Response under load, p50",
    unit="s",
    better="lower",
    help=(
        "Half of the requests of several clients at once begin to be answered within this time, waiting for "
        "their turn included: until the first token (TTFT), or of models that do not write until the answer."
    ),
    tasks=ALL,
    kind="speed",
    run="engine.metrics.load_response_p50_seconds.run:measure",
)
