"""What a million written tokens cost, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One figure a round; None without a price."""
    if not observed.price_per_hour:
        return None
    costs = [observed.price_per_hour / 3600 * r.answer_seconds / r.tokens * 1e6 for r in observed.rounds]
    conditions = {**observed.conditions_of("speed"), "price_per_hour": observed.price_per_hour}
    return over_rounds("cost_per_million_tokens", costs, conditions) if costs else None
