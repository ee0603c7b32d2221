"""Requests answered a second, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One rate a round, over the whole round; None without several clients."""
    rates = [r.requests / r.seconds for r in observed.load]
    return over_rounds("load_requests_per_second", rates, observed.conditions_of("load")) if rates else None
