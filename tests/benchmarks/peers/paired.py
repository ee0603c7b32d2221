"""The ratio of two series of times that were measured in turn, when some rounds of one side were disturbed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np


@dataclass(frozen=True)
class Ratio:
    """A ratio with its 95 % interval."""

    value: float
    low: float
    high: float


def paired_ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """`above` over `below`, paired by round: Hodges & Lehmann's estimate on logarithms with Wilcoxon's interval.

    (1963, "Estimates of location based on rank tests".) The median of the means of all pairs of rounds: a quarter of
    them may be spoilt without moving it far, which a mean would not bear.
    """
    logs = np.log(np.asarray(above)) - np.log(np.asarray(below))
    n = len(logs)
    rows, columns = np.triu_indices(n)
    means = np.sort((logs[rows] + logs[columns]) / 2)
    spread = NormalDist().inv_cdf(0.975) * math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    outside = max(0, math.floor(n * (n + 1) / 4 - spread))
    return Ratio(*(math.exp(x) for x in (float(np.median(means)), means[outside], means[-1 - outside])))
