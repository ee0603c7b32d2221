"""Mean cosine between the candidate's and the reference's embedding of the same text."""

from __future__ import annotations

import numpy as np

from engine.bench.statistics import bootstrap_mean
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over texts; None without a reference."""
    if observed.cosines is None:
        return None
    each = np.arange(len(observed.cosines))
    mean, low, high = bootstrap_mean(observed.cosines, each)
    return Measurement(
        name="cosine_agreement",
        unit="1",
        better="higher",
        value=mean,
        low=max(-1.0, low),
        high=min(1.0, high),
        samples=len(each),
        conditions=observed.conditions_of("quality"),
    )
