"""Time candidates in turn (A B B A …), so that whatever slows the machine down hits all of them alike."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from engine.metrics.base import DecodeRound, RequestRound
from engine.runtimes.base import Ids, Session, TextBatch

# A candidate warms up with short answers until this many have been given or this time is over.
WARM_UP_TOKENS, WARM_UP_ANSWERS, WARM_UP_SECONDS = 8, 10, 0.5
# A round of a fast model is made of several answers, so that one interruption by the system does not decide it.
ROUND_SECONDS, ROUND_ANSWERS = 0.2, 8
REQUESTS_PER_ROUND = 8

# on_round(round, candidate): one candidate has been timed in this round. May raise Cancelled.
OnRound = Callable[[int, int], None]


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
) -> list[list[DecodeRound]]:
    """Let each decoder continue prompt r in round r, greedily, past any end of text.

    Args:
        sessions: the candidates.
        prompts: per candidate one prompt [T] a round; prompts differ between rounds, so that no cache of an earlier
            one helps.
        new_tokens: tokens a round; the first one's time counts as reading the prompt.
        check: raises Cancelled once asked to stop; called between tokens, outside the timing.
        collected: filled as the rounds are made, so that `on_round` can look at them.

    Returns one list of rounds per candidate, in order.
    """
    found = collected if collected is not None else [[] for _ in sessions]
    with _quiet():
        answers = [_warm_up(session, own[0], new_tokens, check) for session, own in zip(sessions, prompts, strict=True)]
        for index, order in enumerate(orders(len(prompts[0]), len(sessions))):
            for candidate in order:
                gc.collect()
                prompt = prompts[candidate][index]
                made = [_answer(sessions[candidate], prompt, new_tokens, check) for _ in range(answers[candidate])]
                found[candidate].append(_joined(made))
                on_round(index, candidate)
    return found


def time_requests(
    runners: Sequence[Callable[[TextBatch], object]],
    batches: Sequence[Sequence[Sequence[TextBatch]]],
    check: Callable[[], None],
    on_round: OnRound = lambda index, candidate: None,
    collected: list[list[RequestRound]] | None = None,
) -> list[list[RequestRound]]:
    """Send the texts of round r through each encoder, one after another.

    Args:
        runners: per candidate, what answers one request.
        batches: per candidate, per round, the requests.

    Returns one list of rounds per candidate, in order.
    """
    found = collected if collected is not None else [[] for _ in runners]
    with _quiet():
        for run, own in zip(runners, batches, strict=True):
            for batch in own[0]:
                check()
                run(batch)
        for index, order in enumerate(orders(len(batches[0]), len(runners))):
            for candidate in order:
                check()
                gc.collect()
                run, requests = runners[candidate], batches[candidate][index]
                started = time.perf_counter()
                for batch in requests:
                    run(batch)
                seconds = time.perf_counter() - started
                tokens = int(requests[0].attention_mask.sum())
                found[candidate].append(RequestRound(seconds, len(requests), tokens))
                on_round(index, candidate)
    return found


def _warm_up(session: Session, prompt: Ids, new_tokens: int, check: Callable[[], None]) -> int:
    """Give short answers until the model has settled; how many whole answers make a round, judged by the last."""
    began = time.perf_counter()
    for _ in range(WARM_UP_ANSWERS):
        last = _answer(session, prompt, min(new_tokens, WARM_UP_TOKENS), check)
        if time.perf_counter() - began > WARM_UP_SECONDS:
            break
    expected = last.first_seconds + last.decode_seconds * new_tokens / WARM_UP_TOKENS
    return max(1, min(ROUND_ANSWERS, math.ceil(ROUND_SECONDS / expected)))


def _joined(answers: Sequence[DecodeRound]) -> DecodeRound:
    """Several answers to one prompt as a round: the mean time to the first token, and the times of all others."""
    first = sum(answer.first_seconds for answer in answers) / len(answers)
    return DecodeRound(
        first,
        tuple(s for a in answers for s in a.next_seconds),
        answers[0].prompt_tokens,
        answers=len(answers),
        drafted=sum(answer.drafted for answer in answers),
        accepted=sum(answer.accepted for answer in answers),
    )


def _answer(session: Session, prompt: Ids, new_tokens: int, check: Callable[[], None]) -> DecodeRound:
    seconds = []
    drafted, accepted = session.drafted, session.accepted
    for step in session.generate(prompt, new_tokens, stop_at_eos=False):
        seconds.append(step.seconds)
        check()
    return DecodeRound(
        seconds[0],
        tuple(seconds[1:]),
        len(prompt),
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
