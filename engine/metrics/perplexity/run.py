"""exp of the mean negative log-likelihood over the evaluation text (Jelinek et al. 1977)."""

from __future__ import annotations

from engine.bench.statistics import bootstrap_mean, exp
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over stretches of the text; None without a text."""
    scores = observed.scores
    if scores is None or scores.nll is None:
        return None
    mean, low, high = bootstrap_mean(scores.nll, scores.blocks)
    return Measurement(
        name="perplexity",
        unit="1",
        better="lower",
        value=exp(mean),
        low=exp(low),
        high=exp(high),
        samples=len(scores.nll),
        conditions=observed.conditions_of("quality"),
    )
