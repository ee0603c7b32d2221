"""Same first choice, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import CLASSIFIERS, DECODERS, TAGGERS, MetricSpec

SPEC = MetricSpec(
    name="top1_agreement",
    title="Same first choice",
    unit="1",
    better="higher",
    help="How often the model's most probable choice is the one the original would have made.",
    tasks=DECODERS | CLASSIFIERS | TAGGERS,
    kind="quality",
    needs_reference=True,
    run="engine.metrics.top1_agreement.run:measure",
)
