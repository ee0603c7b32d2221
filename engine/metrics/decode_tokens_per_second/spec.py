"""Generation speed, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="decode_tokens_per_second",
    title="Generation speed",
    unit="1/s",
    better="higher",
    help="How many tokens the model writes each second once it has begun; higher is faster.",
    tasks=DECODERS,
    kind="speed",
    run="engine.metrics.decode_tokens_per_second.run:measure",
)
