"""Position of the first token that differs from the reference's answer: the median over prompts, and its spread."""

from __future__ import annotations

import math

import numpy as np

from engine.bench.statistics import DISPLAY_CONFIDENCE
from engine.metrics.base import Doubles, Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With the order-statistics interval of a median (Conover 1999, section 3.2), whose level is told as it is.

    `values` are the prompts' positions. With few prompts the level stays below 95 %: the interval then goes from the
    least to the most. None without a reference or without answers.
    """
    parted = observed.parted
    if parted is None or not len(parted):
        return None
    low, high, confidence = median_interval(parted)
    return Measurement(
        name="shared_tokens",
        unit="tokens",
        better="higher",
        value=float(np.median(parted)),
        low=low,
        high=high,
        confidence=confidence,
        samples=len(parted),
        values=tuple(float(position) for position in parted) if len(parted) <= 200 else (),
        conditions=observed.conditions_of("answers"),
    )


def median_interval(x: Doubles, confidence: float = DISPLAY_CONFIDENCE) -> tuple[float, float, float]:
    """The narrowest pair of order statistics of `x` [N] that covers the median at `confidence`, and its own level."""
    ordered, n = np.sort(x), len(x)
    for cut in range((n - 1) // 2, -1, -1):
        outside = 2 * sum(math.comb(n, k) for k in range(cut + 1)) / 2**n
        if 1 - outside >= confidence or cut == 0:
            return float(ordered[cut]), float(ordered[n - 1 - cut]), max(0.0, 1 - outside)
    raise ValueError("the median of nothing")
