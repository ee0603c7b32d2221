"""The time of one request to an encoder, round by round."""

from __future__ import annotations

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One mean a round, over its requests."""
    seconds = [r.seconds / r.requests for r in observed.requests]
    return over_rounds("request_seconds", seconds, observed.conditions_of("speed")) if seconds else None
