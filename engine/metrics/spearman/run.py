"""Spearman's rank correlation between predicted similarities and people's scores (Spearman 1904)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Observed, Rows
from engine.metrics.rows import over_rows
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a percentile-bootstrap interval over sentence pairs; None without a data set of pairs."""
    return over_rows("spearman", rows(observed), observed.conditions_of("quality"))


def rows(observed: Observed) -> Rows | None:
    """The predicted similarity and people's score of every pair."""
    if observed.similarities is None or observed.gold is None:
        return None
    return Rows(correlation, (observed.similarities, observed.gold))


def correlation(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> float:
    """Spearman's correlation of `x` and `y` [N]: Pearson's of their ranks, ties sharing their mean rank."""
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def ranks(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Ranks of `x` [N] from 1, ties sharing their mean rank."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)
