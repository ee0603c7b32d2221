"""Prompt tokens divided by the time to the first token, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One rate a round."""
    rates = [r.prompt_tokens / r.first_seconds for r in observed.rounds]
    return over_rounds("prefill_tokens_per_second", rates, observed.conditions_of("speed")) if rates else None
