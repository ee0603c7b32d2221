"""Requests of several clients at once, in front of a model or of its copies: what each of them waits for.

A closed loop: each of N clients sends its next request as soon as its last one is answered, so N are always under way.
A session answers one request at a time; the others wait in one queue, first come, first served, for it or for the first
copy that gets free. Waiting counts: a response's time runs from sending. Each client's first request is answered like
all others but not counted among the response times, for the queue is shorter than N while it fills.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.metrics.base import LoadRound

# Requests that a client sends in a round after its first one.
EACH = 3
# Rounds: at least so many, and at most so many within the time there is.
FEWEST, MOST = 3, 20

# Answers one request: serve(request, first) calls `first` as its first token is known (an encoder never does) and
# returns the seconds between the tokens after it.
Serve = Callable[[Any, Callable[[], None]], Sequence[float]]


class Clients:
    """`count` clients with their queue for one round. `work` may run in several threads, one for each copy."""

    def __init__(self, count: int, requests: Sequence[Any], clock: Callable[[], float] = time.perf_counter) -> None:
        """All clients together send `requests` in order; the first `count` of them at once."""
        self._clients, self._requests, self._clock = count, requests, clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, float]] = deque()  # which request, and when it was sent
        self._sent = self._served = 0
        self._responses: list[float] = []
        self._gaps: list[float] = []
        self._began = self._ended = 0.0

    def begin(self) -> None:
        """Every client sends its first request now."""
        self._began = self._ended = self._clock()
        for _ in range(min(self._clients, len(self._requests))):
            self._send(self._began)

    def work(self, serve: Serve) -> None:
        """Answer what waits, until every request is answered. What `serve` raises ends all workers' loops."""
        while (taken := self._take()) is not None:
            place, sent = taken
            first: list[float] = []
            try:
                gaps = serve(self._requests[place], lambda: first.append(self._clock()))  # noqa: B023 - called at once
            except BaseException:
                with self._changed:
                    self._sent = self._served = len(self._requests)
                    self._waiting.clear()
                    self._changed.notify_all()
                raise
            self._answered(place, sent, first, gaps)

    def round(self) -> LoadRound:
        """What was observed, once every worker has ended."""
        return LoadRound(
            self._ended - self._began, len(self._requests), self._clients, tuple(self._responses), tuple(self._gaps)
        )

    def _send(self, now: float) -> None:
        self._waiting.append((self._sent, now))
        self._sent += 1

    def _take(self) -> tuple[int, float] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._served == len(self._requests))
            return self._waiting.popleft() if self._waiting else None

    def _answered(self, place: int, sent: float, first: list[float], gaps: Sequence[float]) -> None:
        with self._changed:
            now = self._ended = self._clock()
            self._served += 1
            if place >= self._clients:
                self._responses.append((first[0] if first else now) - sent)
            self._gaps += gaps
            if self._sent < len(self._requests):
                self._send(now)
            self._changed.notify_all()
