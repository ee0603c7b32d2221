"""The time from handing over the prompt to the first token, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One value a round."""
    seconds = [r.first_seconds for r in observed.rounds]
    return over_rounds("ttft_seconds", seconds, observed.conditions_of("speed")) if seconds else None
