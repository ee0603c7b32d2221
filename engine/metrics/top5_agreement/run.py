"""Share of the reference's five most probable entries that are among the candidate's five, per prediction."""

from __future__ import annotations

from engine.metrics.base import Observed
from engine.metrics.shares import bounded
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over stretches of the text; None without a reference."""
    scores = observed.scores
    if scores is None or scores.top5 is None:
        return None
    return bounded("top5_agreement", scores.top5, scores.blocks, observed.conditions_of("quality"))
