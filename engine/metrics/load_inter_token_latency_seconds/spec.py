"""The typical time between tokens with several clients, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="load_inter_token_latency_seconds",
    title="Between tokens, under load",
    unit="s",
    better="lower",
    help=(
        "The time from one token of an answer to the next when several clients send their requests at once: "
        "half come sooner."
    ),
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.load_inter_token_latency_seconds.run:measure",
)
