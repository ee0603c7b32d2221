"""Macro-averaged F1 score over the classes of the labelled data set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Observed, Rows
from engine.metrics.rows import over_rows
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a percentile-bootstrap interval over texts; None without a labelled data set."""
    return over_rows("f1", rows(observed), observed.conditions_of("quality"))


def rows(observed: Observed) -> Rows | None:
    """The predicted and the right class of every text."""
    if observed.classes is None or observed.labels is None:
        return None
    return Rows(macro_f1, (observed.classes, observed.labels))


def macro_f1(predicted: npt.NDArray[np.int64], gold: npt.NDArray[np.int64]) -> float:
    """The mean over classes that occur in either of F1 = 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979, chapter 7)."""
    scores = []
    for label in np.unique(np.concatenate([predicted, gold])):
        hits = np.sum((predicted == label) & (gold == label))
        scores.append(2 * hits / (np.sum(predicted == label) + np.sum(gold == label)))
    return float(np.mean(scores))
