"""Time candidates in turn (A B B A …), so that whatever slows the machine down hits all of them alike."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from engine.bench.waiting import waited_seconds
from engine.bench.warm_up import WarmUp, warm_up
from engine.metrics.base import DecodeRound, RequestRound
from engine.runtimes.base import Ids, Session, TextBatch

# A candidate warms up with answers of so many tokens.
WARM_UP_TOKENS = 8
# A round of a fast model is made of several answers, so that one interruption by the system does not decide it.
ROUND_SECONDS, ROUND_ANSWERS = 0.1, 8
REQUESTS_PER_ROUND = 8

# on_round(round, candidate): one candidate has been timed in this round. May raise Cancelled.
OnRound = Callable[[int, int], None]
# enough(): asked after every round whether to stop. Without it there is a round for every prompt.
Enough = Callable[[], bool]
# on_warm(candidate, how): one candidate has warmed up; all have when the last one is told.
OnWarm = Callable[[int, WarmUp], None]


def orders(rounds: int, candidates: int, seed: int = 0) -> Iterator[tuple[int, ...]]:
    """The order of candidates in each round: drawn at random, and reversed in the next one (A B, B A, …)."""
    random = np.random.default_rng(seed)
    order: tuple[int, ...] = ()
    for index in range(rounds):
        order = order[::-1] if index % 2 else tuple(int(i) for i in random.permutation(candidates))
        yield order


def time_answers(
    sessions: Sequence[Session],
    prompts: Sequence[Sequence[Ids]],
    new_tokens: int,
    check: Callable[[], None],
    on_round: OnRound = lambda index, candidate: None,
    collected: list[list[DecodeRound]] | None = None,
    *,
    enough: Enough = lambda: False,
    on_warm: OnWarm = lambda candidate, how: None,
    joules: Callable[[], float] | None = None,
) -> list[list[DecodeRound]]:
    """Let each decoder continue prompt r in round r, greedily, past any end of text.

    The answers of a round are given in turn as well (A B, B A, …), so that a disturbance shorter than a round hits all.

    Args:
        sessions: the candidates.
        prompts: per candidate one prompt [T] a round, for the most rounds there can be; prompts differ between rounds,
            so that no cache of an earlier one helps.
        new_tokens: tokens a round; the first one's time counts as reading the prompt.
        check: raises Cancelled once asked to stop; called between tokens, outside the timing.
        collected: filled as the rounds are made, so that `on_round` can look at them.
        joules: reads a counter of energy before and after every answer.

    Returns one list of rounds per candidate, in order.
    """
    found = collected if collected is not None else [[] for _ in sessions]
    with _quiet():
        answers = []
        for candidate, session in enumerate(sessions):
            count, how = _warm_up(session, prompts[candidate][0], new_tokens, check)
            answers.append(count)
            on_warm(candidate, how)
        for index, order in enumerate(orders(len(prompts[0]), len(sessions))):
            gc.collect()
            made: list[list[DecodeRound]] = [[] for _ in sessions]
            for turn in range(max(answers)):
                for candidate in order[::-1] if turn % 2 else order:
                    if turn < answers[candidate]:
                        prompt = prompts[candidate][index]
                        before = joules() if joules else 0.0
                        answer = _answer(sessions[candidate], prompt, new_tokens, check)
                        spent = joules() - before if joules else None
                        made[candidate].append(replace(answer, joules=spent))
            for candidate in order:
                found[candidate].append(_joined(made[candidate]))
                on_round(index, candidate)
            if enough():
                break
    return found


def time_requests(
    runners: Sequence[Callable[[TextBatch], object]],
    batches: Sequence[Sequence[Sequence[TextBatch]]],
    check: Callable[[], None],
    on_round: OnRound = lambda index, candidate: None,
    collected: list[list[RequestRound]] | None = None,
    *,
    enough: Enough = lambda: False,
    on_warm: OnWarm = lambda candidate, how: None,
) -> list[list[RequestRound]]:
    """Send the texts of round r through each encoder, one after another.

    Args:
        runners: per candidate, what answers one request.
        batches: per candidate, per round, the requests.

    Returns one list of rounds per candidate, in order.
    """
    found = collected if collected is not None else [[] for _ in runners]
    with _quiet():
        for candidate, (run, own) in enumerate(zip(runners, batches, strict=True)):
            on_warm(candidate, warm_up(lambda run=run, own=own: _request(run, own[0][0], check)))  # type: ignore[misc]
        for index, order in enumerate(orders(len(batches[0]), len(runners))):
            for candidate in order:
                check()
                gc.collect()
                run, requests = runners[candidate], batches[candidate][index]
                marks = [time.perf_counter()]
                for batch in requests:
                    run(batch)
                    marks.append(time.perf_counter())
                tokens = round(sum(int(batch.attention_mask.sum()) for batch in requests) / len(requests))
                each = tuple(after - before for before, after in itertools.pairwise(marks))
                found[candidate].append(RequestRound(marks[-1] - marks[0], len(requests), tokens, each))
                on_round(index, candidate)
            if enough():
                break
    return found


def _warm_up(session: Session, prompt: Ids, new_tokens: int, check: Callable[[], None]) -> tuple[int, WarmUp]:
    """Give short answers until the model has settled; how many whole answers make a round, judged by the last."""
    last: DecodeRound

    def short() -> float:
        nonlocal last
        last = _answer(session, prompt, min(new_tokens, WARM_UP_TOKENS), check)
        return statistics.median(last.next_seconds) if last.next_seconds else last.first_seconds

    how = warm_up(short)
    expected = last.first_seconds + last.decode_seconds * new_tokens / WARM_UP_TOKENS
    return max(1, min(ROUND_ANSWERS, math.ceil(ROUND_SECONDS / expected))), how


def _request(run: Callable[[TextBatch], object], batch: TextBatch, check: Callable[[], None]) -> float:
    """Seconds of one request to an encoder."""
    check()
    started = time.perf_counter()
    run(batch)
    return time.perf_counter() - started


def _joined(answers: Sequence[DecodeRound]) -> DecodeRound:
    """Several answers to one prompt as a round: the mean time to the first token, and the times of all others."""
    first = sum(answer.first_seconds for answer in answers) / len(answers)
    return DecodeRound(
        first,
        tuple(s for a in answers for s in a.next_seconds),
        answers[0].prompt_tokens,
        answers=len(answers),
        firsts=tuple(answer.first_seconds for answer in answers),
        drafted=sum(answer.drafted for answer in answers),
        accepted=sum(answer.accepted for answer in answers),
        waited=sum(answer.waited for answer in answers),
        joules=None if any(a.joules is None for a in answers) else sum(a.joules or 0.0 for a in answers),
    )


def _answer(session: Session, prompt: Ids, new_tokens: int, check: Callable[[], None]) -> DecodeRound:
    seconds: list[float] = []
    drafted, accepted = session.drafted, session.accepted
    before = 0.0
    for step in session.generate(prompt, new_tokens, stop_at_eos=False):
        seconds.append(step.seconds)
        check()
        if len(seconds) == 1:
            before = waited_seconds()
    waited = waited_seconds() - before
    return DecodeRound(
        seconds[0],
        tuple(seconds[1:]),
        len(prompt),
        firsts=(seconds[0],),
        waited=waited,
        drafted=session.drafted - drafted,
        accepted=session.accepted - accepted,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """No garbage collection but where it is asked for, and then only of what was made since: that takes no time."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()
