"""Tokens after the first, divided by their time, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One rate a round; None where no round wrote a second token."""
    rates = [len(r.next_seconds) / sum(r.next_seconds) for r in observed.rounds if r.next_seconds]
    return over_rounds("decode_tokens_per_second", rates, observed.conditions_of("speed")) if rates else None
