"""Correlation with people, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import EMBEDDERS, MetricSpec

SPEC = MetricSpec(
    name="spearman",
    title="Correlation with people",
    unit="1",
    better="higher",
    help=(
        "How well the similarities of sentence pairs rank like people's scores (Spearman's correlation on the "
        "chosen data set); 1 is perfect."
    ),
    tasks=EMBEDDERS,
    kind="quality",
    run="engine.metrics.spearman.run:measure",
    rows="engine.metrics.spearman.run:rows",
)
