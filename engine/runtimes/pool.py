"""Open sessions kept warm between jobs, the least recently used closed first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from engine.runtimes.base import Session


class SessionPool:
    """At most `limit` open sessions by key. Not thread-safe: the worker runs one job at a time."""

    def __init__(self, limit: int = 3) -> None:
        self._limit = limit
        self._open: OrderedDict[str, Session] = OrderedDict()

    def get(self, key: str, opener: Callable[[], Session]) -> Session:
        """The session under `key`, opened by `opener` if it is not there."""
        if key in self._open:
            self._open.move_to_end(key)
            return self._open[key]
        while len(self._open) >= self._limit:
            self._open.popitem(last=False)[1].close()
        session = opener()
        self._open[key] = session
        return session

    def reserve(self, count: int) -> None:
        """Make room for `count` sessions that one job needs at the same time."""
        self._limit = max(self._limit, count)

    def clear(self) -> None:
        """Close every session, before a job that needs the memory."""
        while self._open:
            self._open.popitem()[1].close()
