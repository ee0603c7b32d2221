"""The slow hundredth of the times between tokens, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="inter_token_p99_seconds",
    title="Between tokens, p99",
    unit="s",
    better="lower",
    help="99 of 100 tokens come at least this quickly after the one before; over all rounds.",
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.inter_token_p99_seconds.run:measure",
)
