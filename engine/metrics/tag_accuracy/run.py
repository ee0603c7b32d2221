"""Share of labelled words that get the right tag."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Observed, Rows
from engine.metrics.shares import bounded
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over sentences, whose words depend on one another; None without a data set."""
    found = observed.tagged
    if found is None:
        return None
    return bounded("tag_accuracy", found.right, found.sentences, observed.conditions_of("quality"))


def rows(observed: Observed) -> Rows | None:
    """Right words and words of every sentence."""
    found = observed.tagged
    if found is None:
        return None
    return Rows(share, (np.bincount(found.sentences, weights=found.right), np.bincount(found.sentences)))


def share(right: npt.NDArray[np.float64], words: npt.NDArray[np.int64]) -> float:
    """Right words to all words: both [S]."""
    return float(right.sum() / words.sum())
