"""ROUGE-L, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="rouge_l",
    title="ROUGE-L",
    unit="1",
    better="higher",
    help="How far answers and your references share words in the same order, 0 to 1; usual for summaries.",
    tasks=DECODERS,
    kind="quality",
    run="engine.metrics.rouge_l.run:measure",
    rows="engine.metrics.rouge_l.run:rows",
    package="rouge_score",
)
