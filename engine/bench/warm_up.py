"""Let a model answer until its pace has settled, so that the rounds measure how it runs and not how it begins.

The rule is Georges, Buytaert & Eeckhout's (2007, "Statistically rigorous Java performance evaluation", OOPSLA): a
steady state is reached where the coefficient of variation of the last few measurements falls below a threshold. What is
looked at are an answer's median times between tokens, which single interruptions do not move. A machine that others use
may never become so even, so a pace that no longer *falls* counts as well, and the time is limited.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

# Answers that are looked at, how little they may vary, and how much quicker the later half may be.
WINDOW, VARIATION, FALLING = 4, 0.02, 0.02
MOST_SECONDS = 2.0
_FEWEST, _MOST = 2, 40


@dataclass(frozen=True)
class WarmUp:
    """How a candidate warmed up.

    Attributes:
        answers: short answers given.
        seconds: time spent.
        settled: its pace no longer fell when the rounds began.
    """

    answers: int
    seconds: float
    settled: bool


def warm_up(answer: Callable[[], float], clock: Callable[[], float] = time.perf_counter) -> WarmUp:
    """Call `answer`, which gives one answer's typical seconds a token, until these have settled or time is over."""
    began = clock()
    paces: list[float] = []
    while len(paces) < _MOST:
        paces.append(answer())
        spent = clock() - began
        if is_settled(paces):
            return WarmUp(len(paces), spent, True)
        if spent > MOST_SECONDS and len(paces) >= _FEWEST:
            break
    return WarmUp(len(paces), clock() - began, False)


def is_settled(paces: list[float]) -> bool:
    """Whether the last WINDOW of `paces` [s] are even, or those of the last WINDOW no quicker than WINDOW before."""
    last = paces[-WINDOW:]
    if len(last) < WINDOW:
        return False
    if statistics.pstdev(last) <= VARIATION * statistics.fmean(last):
        return True
    before = paces[-2 * WINDOW : -WINDOW]
    return len(before) == WINDOW and statistics.median(last) >= (1 - FALLING) * statistics.median(before)
