"""The median of all times from sending a request to its response."""

from __future__ import annotations

from engine.bench.statistics import percentile
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """Over the requests of all rounds; None without several clients."""
    seconds = [s for r in observed.load for s in r.responses]
    if not seconds:
        return None
    return percentile("load_response_p50_seconds", seconds, 0.5, observed.conditions_of("load"))
