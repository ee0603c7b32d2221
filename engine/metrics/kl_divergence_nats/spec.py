"""KL divergence, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import CLASSIFIERS, DECODERS, TAGGERS, MetricSpec

SPEC = MetricSpec(
    name="kl_divergence_nats",
    title="KL divergence",
    unit="nat",
    better="lower",
    help=(
        "How far the predicted probabilities moved away from the original model's, averaged over the text; 0 "
        "means unchanged."
    ),
    tasks=DECODERS | CLASSIFIERS | TAGGERS,
    kind="quality",
    needs_reference=True,
    run="engine.metrics.kl_divergence_nats.run:measure",
)
