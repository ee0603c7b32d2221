"""Nearest texts kept, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import EMBEDDERS, MetricSpec

SPEC = MetricSpec(
    name="neighbours_kept",
    title="Nearest texts kept",
    unit="1",
    better="higher",
    help=(
        "How many of each text's five nearest texts are the same as with the original's embeddings: what a search "
        "by meaning would still find."
    ),
    tasks=EMBEDDERS,
    kind="quality",
    needs_reference=True,
    run="engine.metrics.neighbours_kept.run:measure",
)
