"""Tokens until the answers part, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="shared_tokens",
    title="Tokens until the answers part",
    unit="tokens",
    better="higher",
    help=(
        "How many tokens of an answer are the original's own before the first that is not: the median over the "
        "prompts. An answer that never parts counts with its whole length."
    ),
    tasks=DECODERS,
    kind="quality",
    needs_reference=True,
    run="engine.metrics.shared_tokens.run:measure",
)
