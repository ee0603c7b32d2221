"""BLEU, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="bleu",
    title="BLEU",
    unit="1",
    better="higher",
    help="How many runs of one to four words the answers share with your references, 0 to 100; usual for translations.",
    tasks=DECODERS,
    kind="quality",
    run="engine.metrics.bleu.run:measure",
    rows="engine.metrics.bleu.run:rows",
    package="sacrebleu",
)
