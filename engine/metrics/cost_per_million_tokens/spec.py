"""What a million written tokens cost, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="cost_per_million_tokens",
    title="Cost of a million tokens",
    unit="1",
    better="lower",
    help=(
        "What a million written tokens cost at the machine's price per hour, one request at a time; in the currency of "
        "that price, which is set in Settings."
    ),
    tasks=DECODERS,
    kind="cost",
    run="engine.metrics.cost_per_million_tokens.run:measure",
)
