"""Time to first token, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="ttft_seconds",
    title="Time to first token",
    unit="s",
    better="lower",
    help=("How long you wait until the first token of the answer appears (TTFT): mostly the time to read the prompt."),
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.ttft_seconds.run:measure",
)
