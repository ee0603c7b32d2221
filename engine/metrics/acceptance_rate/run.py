"""The share of guessed tokens that were right."""

from __future__ import annotations

import numpy as np

from engine.metrics.base import Observed
from engine.metrics.shares import bounded
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over rounds; None where nothing was guessed."""
    rounds = [r for r in observed.rounds if r.drafted]
    if not rounds:
        return None
    right = np.concatenate([np.arange(r.drafted) < r.accepted for r in rounds]).astype(np.float64)
    blocks = np.repeat(np.arange(len(rounds)), [r.drafted for r in rounds])
    return bounded("acceptance_rate", right, blocks, observed.conditions_of("speed"))
