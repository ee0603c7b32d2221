"""Mean ROUGE-1 F-score of the answers against the references."""

from __future__ import annotations

from engine.metrics.base import Observed, Rows
from engine.metrics.rouge import rows_of
from engine.metrics.rows import over_rows
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """0 to 1, with a percentile-bootstrap interval over texts; None without texts of the user's."""
    return over_rows("rouge_1", rows(observed), observed.conditions_of("pairs"))


def rows(observed: Observed) -> Rows | None:
    """The score of every text."""
    return rows_of("rouge_1", observed)
