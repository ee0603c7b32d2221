"""Peak GPU memory, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import ALL, MetricSpec

SPEC = MetricSpec(
    name="peak_gpu_bytes",
    title="Peak GPU memory",
    unit="B",
    better="lower",
    help="The most GPU memory that a fresh process takes to open the model and answer once.",
    tasks=ALL,
    kind="memory",
    run="engine.metrics.peak_gpu_bytes.run:measure",
)
