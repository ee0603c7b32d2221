"""Macro-averaged F1 score over the classes of the labelled data set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.bench.statistics import bootstrap_of
from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a percentile-bootstrap interval over texts; None without a labelled data set."""
    predicted, gold = observed.classes, observed.labels
    if predicted is None or gold is None:
        return None
    value, low, high = bootstrap_of(macro_f1, predicted, gold)
    return Measurement(
        name="f1",
        unit="1",
        better="higher",
        value=value,
        low=low,
        high=high,
        samples=len(gold),
        conditions=observed.conditions_of("quality"),
    )


def macro_f1(predicted: npt.NDArray[np.int64], gold: npt.NDArray[np.int64]) -> float:
    """The mean over classes that occur in either of F1 = 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979, chapter 7)."""
    scores = []
    for label in np.unique(np.concatenate([predicted, gold])):
        hits = np.sum((predicted == label) & (gold == label))
        scores.append(2 * hits / (np.sum(predicted == label) + np.sum(gold == label)))
    return float(np.mean(scores))
