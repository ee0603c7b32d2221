from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from engine.bench.load import Clients


class Clock:
    """Goes on by what an answer takes."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def one_at_a_time(clock: Clock, first: float, rest: float) -> Callable[[str, Callable[[], None]], Sequence[float]]:
    """A session whose first token takes `first` seconds and whose second one `rest`."""

    def serve(request: str, tell: Callable[[], None]) -> list[float]:
        clock.now += first
        tell()
        clock.now += rest
        return [rest]

    return serve


def test_requests_wait_for_those_before_them_and_their_wait_counts() -> None:
    clock = Clock()
    clients = Clients(3, ["request"] * 9, clock)
    clients.begin()
    clients.work(one_at_a_time(clock, 1.0, 3.0))
    found = clients.round()
    assert found.seconds == 9 * 4.0
    # two others are served before one's turn comes; the three that came first are not counted
    assert found.responses == (2 * 4.0 + 1.0,) * 6
    assert found.gaps == (3.0,) * 9
    assert (found.requests, found.clients) == (9, 3)


def test_an_encoders_response_is_its_answer() -> None:
    clock = Clock()
    clients = Clients(2, ["text"] * 4, clock)

    def serve(request: str, tell: Callable[[], None]) -> list[float]:
        clock.now += 1.0
        return []

    clients.begin()
    clients.work(serve)
    assert clients.round().responses == (2.0, 2.0)


def test_copies_share_one_queue_and_a_failure_ends_all_of_them() -> None:
    both, served = threading.Barrier(2, timeout=30), []  # type: ignore[var-annotated]

    def meet(request: int, tell: Callable[[], None]) -> list[float]:
        both.wait()  # answered only when both copies have a request at the same time
        served.append(request)
        return []

    clients = Clients(2, range(6))
    clients.begin()
    copies = [threading.Thread(target=clients.work, args=(meet,)) for _ in range(2)]
    for copy in copies:
        copy.start()
    for copy in copies:
        copy.join(30)
    assert sorted(served) == list(range(6))

    def fail(request: int, tell: Callable[[], None]) -> list[float]:
        raise ValueError("this copy ended")

    clients = Clients(1, range(4))
    clients.begin()
    with pytest.raises(ValueError, match="this copy ended"):
        clients.work(fail)
    clients.work(fail)  # another copy finds nothing left to do
