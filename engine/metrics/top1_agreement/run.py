"""Share of predictions whose most probable entry is the reference's."""

from __future__ import annotations

from engine.metrics.base import Observed
from engine.metrics.shares import bounded
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over stretches of the text; None without a reference."""
    scores = observed.scores
    if scores is None or scores.agree is None:
        return None
    return bounded("top1_agreement", scores.agree, scores.blocks, observed.conditions_of("quality"))
