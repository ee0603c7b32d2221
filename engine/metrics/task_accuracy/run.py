"""Share of the user's questions whose answer is the expected one."""

from __future__ import annotations

from engine.metrics.base import Observed
from engine.metrics.shares import wilson
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With Wilson's interval (Wilson 1927), which holds near 0 and 1; None without questions."""
    if observed.answered is None:
        return None
    low, high = wilson(float(observed.answered.sum()), len(observed.answered))
    return Measurement(
        name="task_accuracy",
        unit="1",
        better="higher",
        value=float(observed.answered.mean()),
        low=low,
        high=high,
        samples=len(observed.answered),
        conditions=observed.conditions_of("tasks"),
    )
