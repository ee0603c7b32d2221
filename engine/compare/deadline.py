"""Whether answers begin in time: a deadline for the slowest hundredth, and how many answers that rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.bench.statistics import share_at_most
from engine.compare.format import format_percent, format_seconds
from engine.compare.table import Deadline

LATE = 0.01  # the share of answers that may be late: p99
CONFIDENCE = 0.95


def judge_deadline(firsts: Sequence[float], seconds: float) -> Deadline:
    """Whether at most LATE of the answers, whose times to the first token are `firsts` [s], began after `seconds`."""
    late = sum(first > seconds for first in firsts)
    return Deadline(
        seconds=seconds,
        answers=len(firsts),
        late=late,
        p99=sorted(firsts)[math.ceil((1 - LATE) * len(firsts)) - 1],
        met=late <= LATE * len(firsts),
        late_at_most=share_at_most(late, len(firsts), CONFIDENCE),
    )


def deadline_words(found: Deadline) -> tuple[str, str]:
    """The verdict, and what it rests on: ("deadline of 200 ms met", "56 of 56 answers began in time, …")."""
    within = f"{found.seconds:g} s" if found.seconds >= 1 else f"{found.seconds * 1000:g} ms"
    rests = (
        f"{found.answers - found.late} of {found.answers} answers began in time, p99 {format_seconds(found.p99)}; "
        f"if it goes on like this, no more than {format_percent(found.late_at_most)} of all answers will be late "
        f"({CONFIDENCE * 100:.0f} % sure)"
    )
    return f"deadline of {within} {'met' if found.met else 'missed'}", rests
