"""Weights, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="weight_bytes",
    title="Weights",
    unit="B",
    better="lower",
    help="Size of the weights that are read for every token, scales of quantised weights included.",
    tasks=ALL,
    kind="size",
    run="engine.metrics.weight_bytes.run:measure",
)
