"""Time between tokens, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="inter_token_latency_seconds",
    title="Time between tokens",
    unit="s",
    better="lower",
    help="How long you wait for each further token while the answer is being written (inter-token latency).",
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.inter_token_latency_seconds.run:measure",
)
