"""The median time between two tokens, round by round."""

from __future__ import annotations

import numpy as np

from engine.bench.statistics import over_rounds
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """One median a round: a single hiccup shows in the live chart, not here."""
    medians = [float(np.median(r.next_seconds)) for r in observed.rounds if r.next_seconds]
    return over_rounds("inter_token_latency_seconds", medians, observed.conditions_of("speed")) if medians else None
