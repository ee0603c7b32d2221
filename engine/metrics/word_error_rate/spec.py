"""Word error rate, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="word_error_rate",
    title="Word error rate",
    unit="1",
    better="lower",
    help="Words to exchange, leave out or add until an answer is your reference, for each word of the reference.",
    tasks=DECODERS,
    kind="quality",
    run="engine.metrics.word_error_rate.run:measure",
    rows="engine.metrics.word_error_rate.run:rows",
    package="jiwer",
)
