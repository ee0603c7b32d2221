"""Mean squared error of the logits over the vocabulary, per prediction."""

from __future__ import annotations

from engine.bench.statistics import bootstrap_mean
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over stretches of the text; None without a reference."""
    scores = observed.scores
    if scores is None or scores.squared is None:
        return None
    mean, low, high = bootstrap_mean(scores.squared, scores.blocks)
    return Measurement(
        name="logit_error",
        unit="1",
        better="lower",
        value=mean,
        low=max(0.0, low),
        high=high,
        samples=len(scores.squared),
        conditions=observed.conditions_of("quality"),
    )
