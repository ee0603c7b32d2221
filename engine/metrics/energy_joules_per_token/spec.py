"""Energy that a written token takes, as the catalogue lists it."""

from __future__ import annotations

from engine.metrics.base import DECODERS, MetricSpec

SPEC = MetricSpec(
    name="energy_joules_per_token",
    title="Energy per token",
    unit="J",
    better="lower",
    help=(
        "Joules that the processor (and the GPU) use for each written token, reading the prompt included; other "
        "programs' work counts as well."
    ),
    tasks=DECODERS,
    kind="cost",
    run="engine.metrics.energy_joules_per_token.run:measure",
)
