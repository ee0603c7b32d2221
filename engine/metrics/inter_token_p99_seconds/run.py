"""The 99th percentile of all times between tokens."""

from __future__ import annotations

from engine.bench.statistics import percentile
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """Over the tokens of all rounds; None where no round wrote a second one."""
    seconds = [s for r in observed.rounds for s in r.next_seconds]
    if not seconds:
        return None
    return percentile("inter_token_p99_seconds", seconds, 0.99, observed.conditions_of("speed"))
