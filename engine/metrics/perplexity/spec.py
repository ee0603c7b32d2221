"""Perplexity, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="perplexity",
    title="Perplexity",
    unit="1",
    better="lower",
    help=(
        "How surprised the model is by real text: the number of words it hesitates between, on average. Lower "
        "is better; only models with the same tokenizer can be compared. Every token of a window of text but the first "
        "counts; llama-perplexity counts only the second half, so its figure is lower. For models that answer a text "
        "with another (T5), the text is the original's own answers."
    ),
    tasks=DECODERS,
    kind="quality",
    run="engine.metrics.perplexity.run:measure",
)
