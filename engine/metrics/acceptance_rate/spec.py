"""Acceptance rate, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="acceptance_rate",
    title="Accepted guesses",
    unit="1",
    better="higher",
    help="With speculation: the share of the tokens guessed ahead that the model confirmed.",
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.acceptance_rate.run:measure",
)
