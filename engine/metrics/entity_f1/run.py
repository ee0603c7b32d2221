"""F1 of the named stretches of words: a stretch is right when its words and its kind are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Observed, Rows
from engine.metrics.rows import over_rows
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a percentile-bootstrap interval over sentences; None without a data set of stretches."""
    return over_rows("entity_f1", rows(observed), observed.conditions_of("quality"))


def rows(observed: Observed) -> Rows | None:
    """What is right, named by the model, and named by people, of every sentence."""
    if observed.tagged is None or observed.tagged.spans is None:
        return None
    return Rows(micro_f1, (observed.tagged.spans,))


def micro_f1(counts: npt.NDArray[np.int64]) -> float:
    """2 TP / (predicted + gold) over all `counts` [S, 3], as CoNLL-2003 rates; 0 where neither names anything."""
    right, predicted, gold = counts.sum(axis=0)
    return float(2 * right / (predicted + gold)) if predicted + gold else 0.0
