"""When the rounds of a comparison may end: at planned looks, without spoiling how sure the verdict is.

Looking again and again at a 99 % interval until it pleases errs far more often than once in a hundred (Armitage,
McPherson & Rowe 1969, "Repeated significance tests on accumulating data"). So looks are planned: after FIRST rounds,
then whenever these have doubled, and each is granted only a part of the allowed error of 1 %: a tenth of what is left
of it, the last one all that is left (spending it as Lan & DeMets 1983, "Discrete sequential boundaries for clinical
trials"; late looks get more, as O'Brien & Fleming 1979, for it is small differences that come so far). Each look's
interval stands at its own stricter level; by Boole's inequality all of them together hold the truth at least 99 times
in 100, whenever one stops and for whatever reason (repeated confidence intervals, Jennison & Turnbull 1989). Nothing is
assumed of how looks depend on one another; which look is the last depends on the pace alone, never on who is ahead.
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
# Which part of the error that is left a look may use up that is not the last.
_SPENT = 0.1

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
        self._left = 1 - VERDICT_CONFIDENCE
        self._error = self._left if rounds else _SPENT * self._left
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
        return speedup(reference, candidate, 1 - self._error).model_copy(update={"confidence": VERDICT_CONFIDENCE})

    def enough(self, seconds: Sequence[Sequence[float]]) -> bool:
        """Whether to stop after the rounds whose `seconds` are given by candidate, the reference first."""
        rounds = len(seconds[-1])
        if rounds < self._next:
            return False
        if self._fixed:
            self.reason = "fixed"
            return True
        ends = self._plan(rounds)
        self._error = self._left if ends else _SPENT * self._left
        self._left -= self._error
        sure = all(settled(self.speedup(seconds[0], own)) for own in seconds[1:])
        self.reason = "sure" if sure else ends
        return self.reason is not None

    def _plan(self, rounds: int) -> Reason | None:
        """Set when is looked next; why there is no next look, if there is none."""
        if rounds >= MOST:
            return "most"
        # The pace alone decides, never who is ahead.
        pace = (self._clock() - self._began) / rounds
        affordable = int(max(0.0, self._seconds - (self._clock() - self._began)) / pace) if pace > 0 else MOST
        self._next = min(2 * rounds, rounds + affordable // 2 * 2, MOST)
        return "time" if self._next - rounds < _WORTH * rounds else None


def settled(ratio: Speedup) -> bool:
    """Whether more rounds would tell nothing of use: the difference is proven and its size known roughly, or it is
    CLEAR, or the whole interval lies within the margin below which nothing is claimed."""
    if verdict(ratio) != "not_proven":
        return ratio.high <= NARROW * ratio.low or ratio.low >= CLEAR or ratio.high <= 1 / CLEAR
    return ratio.low > 1 / (1 + MARGIN) and ratio.high < 1 + MARGIN
