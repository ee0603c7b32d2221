"""The slow tenth of the times between tokens, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="inter_token_p90_seconds",
    title="Between tokens, p90",
    unit="s",
    better="lower",
    help="Nine of ten tokens come at least this quickly after the one before; over all rounds.",
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.inter_token_p90_seconds.run:measure",
)
