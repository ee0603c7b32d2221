"""Squared error of logits, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import CLASSIFIERS, DECODERS, TAGGERS, MetricSpec

SPEC = MetricSpec(
    name="logit_error",
    title="Squared error of logits",
    unit="1",
    better="lower",
    help=(
        "Mean squared difference between the raw scores (logits) that both models give every word of the "
        "vocabulary; 0 means unchanged."
    ),
    tasks=DECODERS | CLASSIFIERS | TAGGERS,
    kind="quality",
    needs_reference=True,
    run="engine.metrics.logit_error.run:measure",
)
