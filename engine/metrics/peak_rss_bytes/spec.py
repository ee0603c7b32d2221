"""Peak memory, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="peak_rss_bytes",
    title="Peak memory",
    unit="B",
    better="lower",
    help=("The most main memory that a fresh process takes to open the model and answer once, its libraries included."),
    tasks=ALL,
    kind="memory",
    run="engine.metrics.peak_rss_bytes.run:measure",
)
