"""Whether answers begin (or come) in time: a deadline for the slowest hundredth, and how many answers that rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.bench.statistics import share_at_most
from engine.compare.format import format_percent, format_seconds
from engine.compare.table import Deadline

LATE = 0.01  # the share of answers that may be late: p99
CONFIDENCE = 0.95


def judge_deadline(times: Sequence[float], seconds: float, *, whole: bool = False, clients: int = 1) -> Deadline:
    """Whether at most LATE of the answers, whose times to the first token are `times` [s], began after `seconds`.

    `whole`: the times are those of whole answers. `clients`: requests that were under way at once.
    """
    late = sum(each > seconds for each in times)
    return Deadline(
        seconds=seconds,
        answers=len(times),
        late=late,
        p99=sorted(times)[math.ceil((1 - LATE) * len(times)) - 1],
        met=late <= LATE * len(times),
        late_at_most=share_at_most(late, len(times), CONFIDENCE),
        whole=whole,
        clients=clients,
    )


def deadline_words(found: Deadline) -> tuple[str, str]:
    """The verdict, and what it rests on: ("deadline of 200 ms met", "56 of 56 answers began in time, …")."""
    within = f"{found.seconds:g} s" if found.seconds >= 1 else f"{found.seconds * 1000:g} ms"
    together = f", {found.clients} at once" if found.clients > 1 else ""
    rests = (
        f"{found.answers - found.late} of {found.answers} answers {'came' if found.whole else 'began'} in time, p99 "
        f"{format_seconds(found.p99)}; if it goes on like this, no more than {format_percent(found.late_at_most)} of "
        f"all answers will be late "
        f"({CONFIDENCE * 100:.0f} % sure)"
    )
    return f"deadline of {within} {'met' if found.met else 'missed'}{together}", rests
