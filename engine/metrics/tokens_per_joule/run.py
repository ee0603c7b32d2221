"""Tokens that a joule buys, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One figure a round; None where the machine shows no counter of energy."""
    rates = [r.tokens / r.joules for r in observed.rounds if r.joules]
    return over_rounds("tokens_per_joule", rates, observed.conditions_of("energy")) if rates else None
