"""Time whole requests of many shapes (prompt length, new tokens, texts at once), all shapes and candidates in turn.

Every round goes through all shapes in an order drawn at random, and in each lets all candidates answer, so that drift
of the machine colours no corner of the grid. A shape's verdict stands on its own rounds alone, at 99 %: of a hundred
shapes one may be called wrongly.
"""

from __future__ import annotations

import gc
import itertools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from engine.bench.runner import orders
from engine.bench.statistics import speedup, verdict
from engine.compare.table import GridCell
from engine.protocol.job import Grid
from engine.runtimes.base import Ids, Session

# Even, so that every candidate is first as often as last.
ROUNDS = 6
# A request that takes less is made several times for one timing.
_SECONDS, _MOST = 0.05, 8

Shape = tuple[int, int, int]  # prompt tokens, new tokens, texts at once
# on_timed(done, total): one candidate has been timed in one shape. May raise Cancelled.
OnTimed = Callable[[int, int], None]


def shapes_of(grid: Grid, context_length: int) -> tuple[list[Shape], list[Shape]]:
    """The shapes of `grid` that a model with `context_length` holds, and those that it does not."""
    shapes = [
        (prompt, new, batch)
        for batch, new, prompt in itertools.product(grid.batch, grid.new_tokens, grid.prompt_tokens)
    ]
    fitting = [shape for shape in shapes if shape[0] + shape[1] <= context_length]
    return fitting, [shape for shape in shapes if shape not in fitting]


def time_grid(
    sessions: Sequence[Session],
    prompts: Sequence[Callable[[int, int], Sequence[Ids]]],
    shapes: Sequence[Shape],
    check: Callable[[], None],
    on_timed: OnTimed = lambda done, total: None,
    *,
    rounds: int = ROUNDS,
) -> list[GridCell]:
    """One cell for each shape and candidate after the first, against the first.

    Args:
        prompts: per candidate, gives so many different prompts [T] of such a length: (length, count).
        check: raises Cancelled once asked to stop; called between requests.
    """
    seconds: dict[tuple[Shape, int], list[float]] = {(s, c): [] for s in shapes for c in range(len(sessions))}
    texts = {
        (shape, candidate): np.stack(list(prompts[candidate](shape[0], shape[2] * (rounds + 1)))).reshape(
            rounds + 1, shape[2], shape[0]
        )
        for shape, candidate in seconds
    }
    repeats: dict[Shape, int] = {}
    done, total = 0, (rounds + 1) * len(seconds)
    random = np.random.default_rng(0)
    for index, order in enumerate(orders(rounds + 1, len(sessions))):
        for place in random.permutation(len(shapes)):
            shape = shapes[place]
            times: dict[int, float] = {}
            gc.collect()
            for candidate in order:
                ids = texts[shape, candidate][index]
                count = repeats.get(shape, 1)
                times[candidate] = (
                    sum(_request(sessions[candidate], ids, shape[1], check) for _ in range(count)) / count
                )
                done += 1
                on_timed(done, total)
            if index == 0:  # warms up, and tells how long a request takes
                repeats[shape] = max(1, min(_MOST, math.ceil(_SECONDS / min(times.values()))))
                continue
            for candidate, value in times.items():
                seconds[shape, candidate].append(value)
    return [
        _cell(shape, candidate, seconds[shape, 0], seconds[shape, candidate])
        for candidate in range(1, len(sessions))
        for shape in shapes
    ]


def _cell(shape: Shape, candidate: int, reference: list[float], own: list[float]) -> GridCell:
    ratio = speedup(reference, own)
    prompt, new, batch = shape
    return GridCell(
        candidate=candidate, prompt_tokens=prompt, new_tokens=new, batch=batch, speedup=ratio, verdict=verdict(ratio),
        reference_seconds=float(np.median(reference)), seconds=float(np.median(own)),
    )  # fmt: skip


def _request(session: Session, ids: Ids, new_tokens: int, check: Callable[[], None]) -> float:
    """Seconds from the prompts `ids` [B, T] to the last of `new_tokens` tokens for each, greedy, past any end."""
    check()
    if len(ids) == 1:  # as people ask: a session that guesses ahead does so
        return sum(step.seconds for step in session.generate(ids[0], new_tokens, stop_at_eos=False))
    began = time.perf_counter()
    logits = session.prefill(ids)
    for _ in range(new_tokens - 1):
        logits = session.decode(logits.argmax(-1).astype(np.int64))
    return time.perf_counter() - began
