"""Reading speed, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="prefill_tokens_per_second",
    title="Reading speed",
    unit="1/s",
    better="higher",
    help="How many tokens of the prompt the model reads each second before it begins to answer (prefill).",
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.prefill_tokens_per_second.run:measure",
)
