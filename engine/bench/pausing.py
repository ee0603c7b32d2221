"""Wait between rounds while other programs take much of the processors, bounded by the time that rounds may take.

When to wait depends on other programs alone, never on who is ahead, so it does not touch what the rounds show. The time
of a pause does not count as time of the rounds (`clock`), or a pause would leave fewer of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.bench.conditions import BUSY_PERCENT, OthersLoad

# While it waits, what others use is read over so many seconds, and a cancellation noticed as often.
INTERVAL = 0.5
# All pauses together take at most this share of the rounds' time, and no longer than the timing has taken so far.
MOST = 0.5


class Pauses:
    """Waits where it is worth it.

    Attributes:
        seconds: time spent in pauses.
    """

    def __init__(
        self,
        budget: float,
        tell: Callable[[str], None],
        notice: Callable[[str], None],
        *,
        load: Callable[[], OthersLoad] = OthersLoad,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """At most `budget` seconds of pauses in all.

        `tell` shows in every INTERVAL of a pause why nothing goes on, and raises Cancelled once asked to stop; `notice`
        is told once that a pause begins, and that it ends.
        """
        self.seconds = 0.0
        self._budget, self._tell, self._notice = budget, tell, notice
        self._load, self._clock, self._sleep = load, clock, sleep
        self._began = clock()

    def clock(self) -> float:
        """Seconds of a clock that stands still in pauses."""
        return self._clock() - self.seconds

    def begin(self) -> None:
        """The timing begins now, its warming up included."""
        self._began = self.clock()

    def wait(self, busy_percent: float) -> bool:
        """Wait until other programs, which have just used `busy_percent` of the processors, use less; whether so."""
        if busy_percent <= BUSY_PERCENT or self._left < INTERVAL:
            return False
        self._notice(f"The timing pauses: other programs use {busy_percent:.0f} % of the processors.")
        began, before = self._clock(), self.seconds
        while busy_percent > BUSY_PERCENT and self._left >= INTERVAL:
            self._tell(f"Paused while other programs use {busy_percent:.0f} % of the processors")
            load = self._load()
            self._sleep(INTERVAL)
            busy_percent = load.percent()
            self.seconds = before + self._clock() - began
        self._notice(f"The timing goes on after {self.seconds - before:.1f} s.")
        return True

    @property
    def _left(self) -> float:
        """Seconds that pauses may still take."""
        return min(self._budget, self.clock() - self._began) - self.seconds
