from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.bench.conditions import OthersLoad
from engine.bench.pausing import INTERVAL, Pauses
from engine.protocol.errors import Cancelled


class Machine:
    """A clock that goes on by being slept on, and other programs that use `shares` percent, one an interval."""

    def __init__(self, shares: list[float], budget: float = 100.0) -> None:
        self.now, self.shown, self.noticed = 0.0, [], []  # type: ignore[var-annotated]
        self._shares: Iterator[float] = iter(shares)
        self.pauses = Pauses(
            budget, self.tell, self.noticed.append, load=lambda: Load(next(self._shares)),
            clock=lambda: self.now, sleep=self.sleep,
        )  # fmt: skip

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def tell(self, text: str) -> None:
        self.shown.append(text)


class Load(OthersLoad):
    def __init__(self, share: float) -> None:
        self._share = share

    def percent(self) -> float:
        return self._share


def test_a_quiet_machine_is_not_waited_for() -> None:
    machine = Machine([])
    machine.now = 10.0
    assert not machine.pauses.wait(3.0)
    assert (machine.pauses.seconds, machine.noticed) == (0.0, [])


def test_a_round_waits_until_others_rest_and_its_time_does_not_count() -> None:
    machine = Machine([60.0, 40.0, 2.0])
    machine.now = 10.0
    assert machine.pauses.wait(80.0)
    assert machine.pauses.seconds == pytest.approx(3 * INTERVAL)
    assert machine.pauses.clock() == pytest.approx(10.0)
    assert [text.split(" use ")[1][:4] for text in machine.shown] == ["80 %", "60 %", "40 %"]
    assert len(machine.noticed) == 2


@pytest.mark.parametrize(("budget", "taken", "waited"), [(2.0, 10.0, 2.0), (100.0, 1.0, 1.0), (0.0, 10.0, 0.0)])
def test_waiting_is_bounded_by_its_budget_and_by_the_time_taken_so_far(
    budget: float, taken: float, waited: float
) -> None:
    machine = Machine([90.0] * 100, budget)
    machine.pauses.begin()
    machine.now = taken
    machine.pauses.wait(90.0)
    assert machine.pauses.seconds == pytest.approx(waited)
    assert not machine.pauses.wait(90.0)  # nothing is left


def test_a_pause_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine([90.0] * 100)
    machine.now = 10.0

    def cancelled(seconds: float) -> None:
        machine.now += seconds
        machine.pauses._tell = stop  # what the job's progress does once the user has asked to stop

    def stop(text: str) -> None:
        raise Cancelled

    machine.pauses._sleep = cancelled
    with pytest.raises(Cancelled):
        machine.pauses.wait(90.0)
    assert machine.now == 10.0 + INTERVAL
