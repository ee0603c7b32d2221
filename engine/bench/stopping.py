"""When the rounds of a comparison may end: at planned looks, without spoiling how sure the verdict is.

Looking again and again at a 99 % interval until it pleases errs far more often than once in a hundred (Armitage,
McPherson & Rowe 1969, "Repeated significance tests on accumulating data"). So looks are planned: after FIRST rounds,
then whenever these have doubled, and look k is granted only a part of the allowed error of 1 %: a half, a quarter, an
eighth … (spending it as Lan & DeMets 1983, "Discrete sequential boundaries for clinical trials"). Each look's interval
is Student's at its stricter level; by Boole's inequality all of them together hold the truth at least 99 times in 100,
whenever one stops and for whatever reason (repeated confidence intervals, Jennison & Turnbull 1989). Nothing is assumed
of how looks depend on one another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from engine.bench.statistics import MARGIN, VERDICT_CONFIDENCE, speedup, verdict
from engine.compare.table import Speedup

# Even, so that every candidate was first as often as last.
FIRST = 8
MOST = 256
# A proven difference is told when its interval's ends differ by no more than this factor.
NARROW = 1.5
# So is one of at least this factor, however wide its interval: text that is guessed ahead never gives a narrow one.
CLEAR = 2.0
# A last look is worth while if the time left allows this share of rounds more.
_WORTH = 0.25

Reason = Literal["fixed", "sure", "time", "most"]


class Stopping:
    """Decides after each round whether to go on.

    Attributes:
        reason: why the rounds ended: their number was "fixed", the result is "sure", the "time" or the "most" rounds
            were used up; None while they go on.
    """

    def __init__(
        self, rounds: int | None, seconds: float, clock: Callable[[], float] = time.perf_counter, first: int = FIRST
    ) -> None:
        """Exactly `rounds` rounds, or as many as it takes (None) within `seconds` from now, at least `first`."""
        self.reason: Reason | None = None
        self._fixed, self._seconds, self._clock = rounds, seconds, clock
        self._began = clock()
        self._looks = 0
        self._next = rounds or first

    @property
    def most(self) -> int:
        """The most rounds that there can be."""
        return self._fixed or MOST

    @property
    def planned(self) -> int:
        """Rounds after which is looked next."""
        return self._next

    def begin(self) -> None:
        """The time runs from now: warming up does not count."""
        self._began = self._clock()

    def speedup(self, reference: Sequence[float], candidate: Sequence[float]) -> Speedup:
        """The ratio at the level of the last look, told at the level that all looks hold together."""
        spent = 0.0 if self._fixed else (1 - VERDICT_CONFIDENCE) / 2 ** max(1, self._looks)
        ratio = speedup(reference, candidate, 1 - spent if spent else VERDICT_CONFIDENCE)
        return ratio.model_copy(update={"confidence": VERDICT_CONFIDENCE})

    def enough(self, seconds: Sequence[Sequence[float]]) -> bool:
        """Whether to stop after the rounds whose `seconds` are given by candidate, the reference first."""
        rounds = len(seconds[-1])
        if rounds < self._next:
            return False
        self._looks += 1
        if self._fixed:
            self.reason = "fixed"
        elif all(settled(self.speedup(seconds[0], own)) for own in seconds[1:]):
            self.reason = "sure"
        elif rounds >= MOST:
            self.reason = "most"
        else:
            # Where the next look comes depends on the pace alone, never on who is ahead.
            pace = (self._clock() - self._began) / rounds
            affordable = int(max(0.0, self._seconds - (self._clock() - self._began)) / pace) if pace > 0 else MOST
            self._next = min(2 * rounds, rounds + affordable // 2 * 2, MOST)
            if self._next - rounds < _WORTH * rounds:
                self.reason = "time"
        return self.reason is not None


def settled(ratio: Speedup) -> bool:
    """Whether more rounds would tell nothing of use: the difference is proven and its size known roughly, or it is
    CLEAR, or the whole interval lies within the margin below which nothing is claimed."""
    if verdict(ratio) != "not_proven":
        return ratio.high <= NARROW * ratio.low or ratio.low >= CLEAR or ratio.high <= 1 / CLEAR
    return ratio.low > 1 / (1 + MARGIN) and ratio.high < 1 + MARGIN
