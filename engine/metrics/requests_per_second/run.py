"""Requests answered a second by all replicas together, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One rate a round; None for a model that runs as a single copy and answers with tokens."""
    rates = observed.rates or tuple(r.requests / r.seconds for r in observed.requests)
    conditions = observed.conditions_of("replicas") or observed.conditions_of("speed")
    return over_rounds("requests_per_second", rates, conditions) if rates else None
