"""Share of labelled texts that get the right class."""

from __future__ import annotations

from engine.metrics.base import Observed, Rows
from engine.metrics.rows import mean
from engine.metrics.shares import wilson
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With Wilson's interval (Wilson 1927), which holds near 0 and 1; None without a labelled data set."""
    if observed.correct is None:
        return None
    low, high = wilson(float(observed.correct.sum()), len(observed.correct))
    return Measurement(
        name="accuracy",
        unit="1",
        better="higher",
        value=float(observed.correct.mean()),
        low=low,
        high=high,
        samples=len(observed.correct),
        conditions=observed.conditions_of("quality"),
    )


def rows(observed: Observed) -> Rows | None:
    """Whether the class of every text is right."""
    return None if observed.correct is None else Rows(mean, (observed.correct,))
