"""Requests per second, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="requests_per_second",
    title="Requests per second",
    unit="1/s",
    better="higher",
    help="How many requests all copies of the model together answer each second.",
    tasks=ALL,
    kind="speed",
    run="engine.metrics.requests_per_second.run:measure",
)
