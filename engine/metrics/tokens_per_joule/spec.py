"""Tokens that a joule buys, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="tokens_per_joule",
    title="Tokens per joule",
    unit="1/J",
    better="higher",
    help="How many tokens a joule buys: the inverse of the energy per token.",
    tasks=DECODERS,
    kind="cost",
    run="engine.metrics.tokens_per_joule.run:measure",
)
