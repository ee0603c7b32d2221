"""Candidates under the load of several clients, in turn: rounds of requests, each candidate alone on the machine."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from engine.bench.candidates import Open
from engine.bench.load import EACH, FEWEST, MOST, Clients, Serve
from engine.bench.runner import orders
from engine.bench.texts import batch_of_ids
from engine.bench.workload import Workload
from engine.metrics.base import DECODERS, LoadRound, Observed
from engine.parallel.replicas import Replicas
from engine.protocol.job import CompareJob
from engine.runtimes.base import Ids, Session

# progress(done, total) after every request; may raise Cancelled.
Progress = Callable[[int, int], None]


def observe_load(
    job: CompareJob,
    opened: Sequence[Open],
    observed: Sequence[Observed],
    workload: Workload,
    new_tokens: int,
    check: Callable[[], None],
    progress: Progress,
) -> list[Observed]:
    """`observed` with rounds of `job.clients` clients. Copies that a candidate was built for answer side by side.

    There are as many rounds as were asked for, at most MOST; without a number as many as `job.seconds` allow, at least
    FEWEST. Raises what Replicas raises where copies do not open.
    """
    assert job.clients is not None
    count = job.clients * (1 + EACH)
    most = min(job.rounds or MOST, MOST)
    planned, done = job.rounds or FEWEST, itertools.count(1)
    found: list[list[LoadRound]] = [[] for _ in opened]
    with ExitStack() as stack:
        fronts = [_Front(one, job, new_tokens, check, stack) for one in opened]
        requests = [workload.prompts(index, count * most) for index in range(len(opened))]
        for front, own in zip(fronts, requests, strict=True):
            front.warm_up(own[0])
        began = time.perf_counter()
        for index, order in enumerate(orders(most, len(opened))):
            gc.collect()
            for candidate in order:
                clients = Clients(job.clients, requests[candidate][index * count : (index + 1) * count])
                total = min(planned, most) * count * len(opened)
                fronts[candidate].answer(clients, lambda total=total: progress(next(done), total))  # type: ignore[misc]
                found[candidate].append(clients.round())
            if job.rounds is None:
                pace = (time.perf_counter() - began) / (index + 1)
                planned = max(FEWEST, int(job.seconds / pace))
            if index + 1 >= planned:
                break
    return [
        replace(one, load=tuple(rounds), conditions={**one.conditions, "load": front.facts(workload, rounds)})
        for one, front, rounds in zip(observed, fronts, found, strict=True)
    ]


class _Front:
    """What stands behind the queue of one candidate: its open session, or copies in processes of their own."""

    def __init__(
        self, one: Open, job: CompareJob, new_tokens: int, check: Callable[[], None], stack: ExitStack
    ) -> None:
        self._session, self._check, self._new = one.session, check, new_tokens
        self._replicas: Replicas | None = None
        self._copies = one.place.target.replicas
        if self._copies > 1:
            target = one.place.target.model_copy(update={"device": one.session.device})
            copies = Replicas(one.place.folder, target, threads=job.threads, check=check)
            self._replicas = stack.enter_context(copies)

    def warm_up(self, request: Ids) -> None:
        """One request, not counted; every copy answers it. A session is warm from its own timing."""
        if self._replicas is not None:
            self._replicas.warm_up(request, self._new)

    def answer(self, clients: Clients, told: Callable[[], None]) -> None:
        """Answer everything that `clients` send; `told` is called after each request."""

        def work(serve: Serve) -> None:
            def telling(request: Any, first: Callable[[], None]) -> Sequence[float]:
                gaps = serve(request, first)
                told()
                return gaps

            clients.work(telling)

        clients.begin()
        if self._replicas is not None:
            self._replicas.work(work, self._new)
        else:
            work(_serving(self._session, self._new, self._check))

    def facts(self, workload: Workload, rounds: Sequence[LoadRound]) -> dict[str, Any]:
        """How it was measured."""
        decoder = self._session.task in DECODERS
        return {
            "clients": rounds[0].clients, "copies": self._copies, "requests": rounds[0].requests,
            "rounds": len(rounds), "prompt_tokens": workload.prompt_tokens, "text": workload.name,
            "response": "first token" if decoder else "answer",
        } | ({"new_tokens": self._new} if decoder else {})  # fmt: skip


def _serving(session: Session, new_tokens: int, check: Callable[[], None]) -> Serve:
    """How an open session answers a request."""

    def write(ids: Ids, first: Callable[[], None]) -> list[float]:
        gaps = []
        for index, step in enumerate(session.generate(ids, new_tokens, stop_at_eos=False)):
            if index == 0:
                first()
            else:
                gaps.append(step.seconds)
            check()
        return gaps

    def read(ids: Ids, first: Callable[[], None]) -> list[float]:
        check()
        run(batch_of_ids(ids))
        return []

    run = session.classify if session.task == "text-classification" else session.hidden
    return write if session.task in DECODERS else read
