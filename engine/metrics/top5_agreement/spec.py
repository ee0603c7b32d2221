"""Same first five, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="top5_agreement",
    title="Same first five",
    unit="1",
    better="higher",
    help=(
        "How many of the five words that the original finds most probable are among the model's own five, on average."
    ),
    tasks=DECODERS,
    kind="quality",
    needs_reference=True,
    run="engine.metrics.top5_agreement.run:measure",
)
