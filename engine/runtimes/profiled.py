"""A session whose library times every node that it computes. Free of torch."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.compare.modules import Place
from engine.runtimes.base import Session

# Seconds by the part of the model and the operator, "" where operators are not told apart.
Spent = dict[tuple[Place, str], float]


@dataclass(frozen=True)
class Pass:
    """One observation: a call, or the mean of several.

    Attributes:
        seconds: wall time of all of it.
        nodes: what was computed within, and how long each part and operator took.
    """

    seconds: float
    nodes: Spent


class Profiled(ABC):
    """An open model under its library's profiler, which makes it slower.

    Attributes:
        session: the model.
        weight_bytes: bytes of the weights that each part holds; what two parts share counts for each.
        together: calls that one observation must be the mean of for the profiler to be exact.
    """

    together: int = 1

    def __init__(self, session: Session, weight_bytes: Mapping[Place, int]) -> None:
        self.session, self.weight_bytes = session, weight_bytes
        self._walls: list[float] = []

    def observe(self, call: Callable[[], object]) -> None:
        """Make `together` calls, timed."""
        self._begin()
        started = time.perf_counter()
        for _ in range(self.together):
            call()
        self._walls.append((time.perf_counter() - started) / self.together)
        self._end()

    def finish(self) -> list[Pass]:
        """Every observation, in order. Closes the session."""
        nodes = self._collect()
        self.close()
        return [Pass(wall, spent) for wall, spent in zip(self._walls, nodes, strict=True)]

    def close(self) -> None:
        """Close the session, whether or not it was finished."""
        self.session.close()

    @abstractmethod
    def _begin(self) -> None:
        """An observation begins."""

    @abstractmethod
    def _end(self) -> None:
        """The observation is over."""

    @abstractmethod
    def _collect(self) -> Sequence[Spent]:
        """What was computed in one call of each observation."""


def weights_of(parts: Sequence[tuple[Place, int]]) -> dict[Place, int]:
    """Bytes by place, summed."""
    found: dict[Place, int] = {}
    for place, count in parts:
        if count:
            found[place] = found.get(place, 0) + count
    return found
