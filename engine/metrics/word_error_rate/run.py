"""Word error rate of the answers against the references, by jiwer."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Observed, Rows, Written
from engine.metrics.rows import over_rows
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """0 upwards, with a percentile-bootstrap interval over texts; None without texts of the user's."""
    return over_rows("word_error_rate", rows(observed), observed.conditions_of("pairs"))


def rows(observed: Observed) -> Rows | None:
    """Wrong words and the reference's words per text."""
    return _counted(observed.written) if observed.written else None


@lru_cache(maxsize=8)  # asked for by every table, several times
def _counted(written: tuple[Written, ...]) -> Rows:
    counts = np.array([_nearest(one) for one in written], dtype=np.float64)
    return Rows(rate, (counts[:, 0], counts[:, 1]), counts[:, 0] / counts[:, 1])


def rate(errors: npt.NDArray[Any], words: npt.NDArray[Any]) -> float:
    """Wrong words to one of the references', of all texts together: both [N]."""
    return float(errors.sum() / words.sum())


def _nearest(one: Written) -> tuple[int, int]:
    """Words that were exchanged, left out or added, and the words of the reference that is nearest by their rate."""
    import jiwer

    answer = " ".join(one.answer.split())
    found = [jiwer.process_words(" ".join(reference.split()), answer) for reference in one.references]
    counts = [(o.substitutions + o.deletions + o.insertions, o.hits + o.substitutions + o.deletions) for o in found]
    return min(counts, key=lambda count: count[0] / count[1])
