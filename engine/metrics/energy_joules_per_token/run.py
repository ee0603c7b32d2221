"""Energy that a written token takes, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One figure a round; None where the machine shows no counter of energy."""
    joules = [r.joules / r.tokens for r in observed.rounds if r.joules]
    return over_rounds("energy_joules_per_token", joules, observed.conditions_of("energy")) if joules else None
