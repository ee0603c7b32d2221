"""Embedding agreement, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import EMBEDDERS, MetricSpec

SPEC = MetricSpec(
    name="cosine_agreement",
    title="Embedding agreement",
    unit="1",
    better="higher",
    help=(
        "How well the embeddings point where the original's point: the mean cosine between both; 1 means the "
        "same direction."
    ),
    tasks=EMBEDDERS,
    kind="quality",
    needs_reference=True,
    run="engine.metrics.cosine_agreement.run:measure",
)
