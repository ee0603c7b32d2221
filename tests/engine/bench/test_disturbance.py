from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import disturbance
from engine.bench.conditions import OthersLoad
from engine.bench.disturbance import Watch, drift
from engine.bench.observe import seconds_of
from engine.bench.waiting import waited_seconds
from engine.bench.warm_up import is_settled, warm_up
from engine.metrics.base import DecodeRound, Observed


class Load(OthersLoad):
    """Other programs that use `share` percent."""

    def __init__(self, share: float) -> None:
        self._share = share

    def percent(self) -> float:
        return self._share


def watch(tmp_path: Path, shares: list[float], clocks: list[int] | None = None) -> Watch:
    loads, ticks = iter([*shares, 0.0]), iter(clocks or [])
    made = Watch(lambda: Load(next(loads)), (lambda: next(ticks)) if clocks else (lambda: None), tmp_path)
    for _ in shares:
        made.round()
    return made


EVEN = [[1.0, 1.01, 0.99, 1.0, 1.01, 0.99], [2.0, 2.01, 1.99, 2.0, 1.99, 2.01]]


def test_a_quiet_machine_is_not_talked_about(tmp_path: Path) -> None:
    assert watch(tmp_path, [1.0, 3.0, 0.5], [3700, 3690, 3700]).warnings(EVEN) == []


def test_other_programs_are_told_while_they_disturb_and_afterwards(tmp_path: Path) -> None:
    loads = iter([40.0, 5.0, 50.0, 0.0])
    made = Watch(lambda: Load(next(loads)), lambda: None, tmp_path)
    assert [made.round() for _ in range(3)] == [
        "other programs use 40 % of the processors", "", "other programs use 50 % of the processors",
    ]  # fmt: skip
    (said,) = made.warnings(EVEN)
    assert "32 %" in said
    assert "2 of 3 rounds" in said
    assert made.facts()["others_percent"] == pytest.approx(31.7)


def test_a_host_that_takes_time_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([(100.0, 0.0), (110.0, 2.0)])
    monkeypatch.setattr(disturbance, "_times", lambda: next(readings))
    made = watch(tmp_path, [20.0])
    (said,) = made.warnings(EVEN)
    assert "20 % of its time" in said


def test_a_falling_clock_and_a_heat_counter_are_told(tmp_path: Path) -> None:
    falling = watch(tmp_path, [0.0] * 6, [3700, 3700, 3500, 3000, 2900, 2900])
    assert "from 3.70 to 2.90 GHz" in falling.warnings(EVEN)[0]
    counter = tmp_path / "cpu0/thermal_throttle/core_throttle_count"
    counter.parent.mkdir(parents=True)
    counter.write_text("4\n")
    hot = watch(tmp_path, [0.0] * 3)
    assert hot.warnings(EVEN) == []
    counter.write_text("5\n")
    assert "too hot" in hot.warnings(EVEN)[0]


def test_drift_is_told_only_where_it_is_a_trend(tmp_path: Path) -> None:
    rising = [[1.0 + 0.05 * i for i in range(8)], [2.0 + 0.1 * i for i in range(8)]]
    assert drift(rising) == pytest.approx(0.29, abs=0.03)
    assert "became 29 % slower in the course" in watch(tmp_path, [0.0] * 8).warnings(rising)[0]
    soaring = [[1.0, 1.0, 2.0, 4.0, 6.0, 8.5, 8.5, 8.6]]
    assert "became 8.5 times slower" in watch(tmp_path, [0.0] * 8).warnings(soaring)[0]
    jumping = [[1.0, 1.4, 1.0, 1.4, 1.0, 1.4, 1.4, 1.4]]
    assert drift(jumping) == 0.0


def test_warming_up_ends_when_the_pace_is_even_or_no_longer_falls() -> None:
    paces = iter([9.0, 6.0, 3.0, 2.0, 1.01, 1.0, 1.005, 1.0, 1.0])
    found = warm_up(lambda: next(paces), clock=lambda: 0.0)
    assert (found.answers, found.settled) == (8, True)
    assert is_settled([1.0, 1.3, 0.9, 1.2, 1.1, 1.4, 0.9, 1.2])  # noise, but no fall
    assert not is_settled([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0])


def test_a_model_that_never_settles_is_given_up_in_time() -> None:
    ticks, falling = iter(0.25 * i for i in range(100)), iter(0.8**i for i in range(50))
    found = warm_up(lambda: next(falling), clock=lambda: next(ticks))
    assert not found.settled
    assert found.seconds < 3


def test_waiting_for_a_processor_is_read_in_seconds(tmp_path: Path) -> None:
    (tmp_path / "schedstat").write_text("603706 2017811 3\n")
    assert waited_seconds(tmp_path / "schedstat") == pytest.approx(0.002017811)
    assert waited_seconds(tmp_path / "absent") == 0.0


def test_a_verdict_may_leave_waiting_out_of_every_answer() -> None:
    """Two answers of 4 × 0.2 s, of which 0.6 s were spent waiting."""
    one = DecodeRound(0.2, (0.2,) * 8, 16, answers=2, waited=0.6)
    assert seconds_of(Observed(1, rounds=(one,))) == pytest.approx([0.8])
    assert seconds_of(Observed(1, rounds=(one,)), without_waiting=True) == pytest.approx([0.5])
