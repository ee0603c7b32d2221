"""ROUGE-1, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="rouge_1",
    title="ROUGE-1",
    unit="1",
    better="higher",
    help="How far answers and your references share words, 0 to 1; usual for summaries.",
    tasks=DECODERS,
    kind="quality",
    run="engine.metrics.rouge_1.run:measure",
    rows="engine.metrics.rouge_1.run:rows",
    package="rouge_score",
)
