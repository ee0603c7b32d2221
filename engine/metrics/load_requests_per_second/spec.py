"""Requests per second with several clients, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="load_requests_per_second",
    title="Requests per second, under load",
    unit="1/s",
    better="higher",
    help="How many requests are answered each second when several clients send theirs at once.",
    tasks=ALL,
    kind="speed",
    run="engine.metrics.load_requests_per_second.run:measure",
)
