"""Mean Kullback–Leibler divergence KL(reference ‖ candidate) per prediction (Kullback & Leibler 1951)."""

from __future__ import annotations

from engine.bench.statistics import bootstrap_mean
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over stretches of the text; None without a reference."""
    scores = observed.scores
    if scores is None or scores.kl is None:
        return None
    mean, low, high = bootstrap_mean(scores.kl, scores.blocks)
    return Measurement(
        name="kl_divergence_nats",
        unit="nat",
        better="lower",
        value=mean,
        low=max(0.0, low),
        high=high,
        samples=len(scores.kl),
        conditions=observed.conditions_of("quality"),
    )
