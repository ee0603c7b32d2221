"""Intervals for shares: numbers between 0 and 1 that are counted."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.bench.statistics import DISPLAY_CONFIDENCE, bootstrap_mean
from engine.protocol.measurement import STANDARD, Measurement


def bounded(name: str, hits: npt.NDArray[Any], blocks: npt.NDArray[Any], conditions: dict[str, Any]) -> Measurement:
    """The share of `hits` [N] of 0 and 1 with a block-bootstrap interval, Wilson's where all are alike."""
    unit, better = STANDARD[name]
    value, low, high = bootstrap_mean(hits, blocks)
    if not low < value < high or not math.isfinite(high - low):
        low, high = wilson(float(np.sum(hits)), len(hits))
    return Measurement(
        name=name,
        unit=unit,
        better=better,
        value=value,
        low=max(0.0, low),
        high=min(1.0, high),
        samples=len(hits),
        conditions=conditions,
    )


def wilson(hits: float, count: int, confidence: float = DISPLAY_CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927): sensible even for 0 or `count` hits."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)
