"""What disturbs a timing while it goes on: other programs, the host of a virtual machine, heat, drift."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from engine.bench.conditions import BUSY_PERCENT, OthersLoad, clock_mhz
from engine.compare.format import format_number
from engine.compare.table import Conditions

# Above these a reader is warned: time taken by the host, fall of the clock, change of everybody's pace.
STOLEN_PERCENT, CLOCK_FALL, DRIFT = 5.0, 0.1, 0.1
# Rounds that a trend needs, and the normal quantile of 99 %.
_FEWEST, _TREND = 6, 2.576
_CPUS = Path("/sys/devices/system/cpu")


class Watch:
    """Looks at the machine after every round.

    Attributes:
        others: what other programs used of all processors in each round, percent.
        stolen: what the host of a virtual machine gave to others instead, percent of each round.
    """

    def __init__(
        self,
        load: Callable[[], OthersLoad] = OthersLoad,
        clock: Callable[[], int | None] = clock_mhz,
        cpus: Path = _CPUS,
    ) -> None:
        self.others: list[float] = []
        self.stolen: list[float] = []
        self._make, self._clock, self._cpus = load, clock, cpus
        self._clocks: list[int] = []
        self._throttled = throttle_count(cpus)
        self._load, self._times = load(), _times()

    def round(self) -> str:
        """Take the readings of the round that has just ended; a short remark for a reader who waits, or ""."""
        self.others.append(self._load.percent())
        now = _times()
        spent = now[0] - self._times[0]
        self.stolen.append(100 * (now[1] - self._times[1]) / spent if spent > 0 else 0.0)
        if (clock := self._clock()) is not None:
            self._clocks.append(clock)
        self._load, self._times = self._make(), now
        busy = self.others[-1]
        return f"other programs use {busy:.0f} % of the processors" if busy > BUSY_PERCENT else ""

    def resume(self) -> None:
        """The next round begins now: what happened since the last one is no part of it."""
        self._load, self._times = self._make(), _times()

    def facts(self) -> Conditions:
        """The readings over all rounds, for the conditions."""
        found: Conditions = {
            "others_percent": round(_mean(self.others), 1),
            "stolen_percent": round(_mean(self.stolen), 1),
        }
        if self._clocks:
            found["clock_lowest_mhz"], found["clock_highest_mhz"] = min(self._clocks), max(self._clocks)
        return found

    def warnings(self, seconds: Sequence[Sequence[float]]) -> list[str]:
        """What a reader must know: at most one plain sentence for each kind of disturbance.

        Args:
            seconds: by candidate the seconds of each round.
        """
        found = []
        stolen = _mean(self.stolen)
        if stolen > STOLEN_PERCENT:
            found.append(f"The computer that hosts this virtual machine gave {stolen:.0f} % of its time to others.")
        elif _mean(self.others) > BUSY_PERCENT:
            disturbed = sum(share > BUSY_PERCENT for share in self.others)
            found.append(
                f"Other programs used {_mean(self.others):.0f} % of the processors while the models were timed "
                f"({disturbed} of {len(self.others)} rounds disturbed)."
            )
        before, after = _ends(self._clocks)
        if throttle_count(self._cpus) > self._throttled:
            found.append("The processor became too hot and slowed itself down while the models were timed.")
        elif before and after < (1 - CLOCK_FALL) * before:
            found.append(
                f"The processor's clock fell from {format_number(before / 1000)} to {format_number(after / 1000)} GHz "
                "while the models were timed, as it does when it gets hot."
            )
        change = drift(seconds)
        if abs(change) > DRIFT:
            found.append(
                f"All models became {_pace(change)} in the course of the rounds; taking turns keeps that out of the "
                "verdict, not out of the single figures."
            )
        return found


def drift(seconds: Sequence[Sequence[float]]) -> float:
    """By which share the last third of the rounds took longer than the first, all candidates together.

    0 where no trend is proven at 99 % (Mann 1945, "Nonparametric tests against trend", in its normal approximation).
    """
    common = [statistics.fmean(math.log(value) for value in each) for each in zip(*seconds, strict=True)]
    n = len(common)
    rising = sum((later > earlier) - (later < earlier) for earlier, later in itertools.combinations(common, 2))
    if n < _FEWEST or abs(rising) - 1 < _TREND * math.sqrt(n * (n - 1) * (2 * n + 5) / 18):
        return 0.0
    before, after = _ends(common)
    return math.exp(after - before) - 1


def _pace(change: float) -> str:
    """A share by which times changed, in words: "29 % slower"; from twice on as a factor, "8.5 times slower"."""
    way = "slower" if change > 0 else "faster"
    factor = max(1 + change, 1 / (1 + change))
    return f"{format_number(factor, 2)} times {way}" if factor >= 2 else f"{abs(change) * 100:.0f} % {way}"


def throttle_count(cpus: Path) -> int:
    """How often the processors under `cpus` (sysfs) have slowed down for heat since the start; 0 where none tells."""
    total = 0
    for file in cpus.glob("cpu[0-9]*/thermal_throttle/core_throttle_count"):
        try:
            total += int(file.read_text())
        except (OSError, ValueError):
            continue
    return total


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The medians of the first and the last third of `values`; zeros for fewer than three."""
    third = len(values) // 3
    if not third:
        return 0.0, 0.0
    return statistics.median(values[:third]), statistics.median(values[-third:])


def _times() -> tuple[float, float]:
    """Seconds that all processors have counted, and those among them that a host took away."""
    times = psutil.cpu_times()
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # Linux counts guests' time twice
    return sum(times) - guests, getattr(times, "steal", 0.0)


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0
