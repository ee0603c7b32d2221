"""Rounds end at planned looks, and looking often does not make verdicts wrong more often."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.bench.statistics import speedup, verdict
from engine.bench.stopping import FIRST, MOST, NARROW, Stopping, settled


class Clock:
    """Says what it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def play(kind: str, factor: float, seed: int, seconds: float = 60.0, pace: float = 0.3) -> tuple[Stopping, list[int]]:
    """Rounds of a candidate `factor` times faster until it is enough; the stopping rule and the rounds it looked at."""
    random, clock = np.random.default_rng(seed), Clock()
    stopping = Stopping(None, seconds, clock)
    times: list[list[float]] = [[], []]
    looked: list[int] = []
    slow = random.standard_normal()
    while True:
        slow = 0.8 * slow + 0.6 * random.standard_normal()
        for place, own in enumerate(times):
            noise = 0.05 * random.standard_normal() + (0.05 * slow if kind == "autocorrelated" else 0.0)
            noise += (random.random() < 0.15) * random.exponential(0.4) if kind == "spiky" else 0.0
            own.append(math.exp(noise) / (factor if place else 1.0))
        clock.now += pace
        planned = stopping.planned
        enough = stopping.enough(times)
        if len(times[0]) == planned:
            looked.append(planned)
        if enough:
            return stopping, looked


@pytest.mark.parametrize("kind", ["plain", "autocorrelated", "spiky"])
def test_no_difference_is_proven_wrongly_in_more_than_one_of_a_hundred_however_often_is_looked(kind: str) -> None:
    """400 comparisons of equals with up to six looks: at most 4 expected wrong, 9 allowed (one in 200 chance)."""
    wrong = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        clock = Clock()
        stopping = Stopping(None, 1e9, clock)
        times: list[list[float]] = [[], []]
        excluded = False
        while len(times[0]) < 128:
            shared = 0.05 * random.standard_normal()
            for own in times:
                spike = (random.random() < 0.15) * random.exponential(0.4) if kind == "spiky" else 0.0
                own.append(math.exp(0.05 * random.standard_normal() + shared + spike))
            clock.now += 0.3
            if len(times[0]) == stopping.planned:
                stopping.enough(times)
                ratio = stopping.speedup(*times)
                excluded |= not ratio.low <= 1.0 <= ratio.high
        wrong += excluded
    assert wrong <= 9


def test_naive_repeated_looks_would_err_several_times_as_often() -> None:
    """What the planned looks are for: a plain 99 % interval looked at after every round from the eighth on."""
    wrong = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        a, b = np.exp(0.05 * random.standard_normal((2, 64)))
        wrong += any(not (s := speedup(a[:n].tolist(), b[:n].tolist())).low <= 1 <= s.high for n in range(FIRST, 65))
    assert wrong > 6  # three in a hundred


def test_a_clear_gain_ends_at_the_first_look() -> None:
    stopping, looked = play("plain", 3.0, seed=0)
    assert (stopping.reason, looked) == ("sure", [FIRST])


def test_looks_double_until_a_small_loss_is_proven() -> None:
    stopping, looked = play("plain", 0.94, seed=3)
    assert stopping.reason == "sure"
    assert looked == [FIRST * 2**k for k in range(len(looked))]
    assert len(looked) > 1


def test_the_time_ends_the_rounds_and_the_last_look_uses_it_up() -> None:
    stopping, looked = play("autocorrelated", 1.0, seed=1, seconds=6.0)
    assert stopping.reason == "time"
    assert looked[-1] * 0.3 == pytest.approx(6.0, abs=0.6)


def test_the_last_look_may_err_as_often_as_all_before_it_did_not() -> None:
    """Five looks use up a tenth of what is left each: the last interval is nearly as narrow as a plain one of 99 %."""
    random, clock = np.random.default_rng(0), Clock()
    a, b = np.exp(0.3 * random.standard_normal((2, MOST)))
    stopping = Stopping(None, 1e9, clock)
    for rounds in range(1, MOST + 1):
        clock.now += 0.3
        if stopping.enough([a[:rounds].tolist(), b[:rounds].tolist()]):
            break
    assert (rounds, stopping.reason) == (MOST, "most")
    last, plain = stopping.speedup(a.tolist(), b.tolist()), speedup(a.tolist(), b.tolist(), 1 - 0.01 * 0.9**5)
    assert (last.low, last.high) == pytest.approx((plain.low, plain.high))


def test_there_is_an_end_without_one_of_time() -> None:
    stopping, looked = play("spiky", 1.0, seed=1, seconds=1e9)
    assert stopping.reason in ("most", "sure")
    assert looked[-1] <= MOST


def test_a_fixed_number_is_kept_and_told_at_the_full_level() -> None:
    stopping = Stopping(3, 0.0)
    assert not stopping.enough([[1.0] * 2, [1.0] * 2])
    assert stopping.enough([[1.0, 1.1, 1.2], [1.0, 1.0, 1.1]])
    assert stopping.reason == "fixed"
    found = stopping.speedup([1.0, 1.1, 1.2], [1.0, 1.0, 1.1])
    assert found == speedup([1.0, 1.1, 1.2], [1.0, 1.0, 1.1])


def test_an_adaptive_interval_is_wider_than_a_fixed_one_and_narrows_as_looks_are_used() -> None:
    times = np.exp(0.05 * np.random.default_rng(0).standard_normal((2, FIRST))).tolist()
    stopping = Stopping(None, 60.0)
    stopping.enough(times)
    adaptive, fixed = stopping.speedup(*times), speedup(*times)
    assert adaptive.low < fixed.low < fixed.high < adaptive.high
    assert adaptive.confidence == fixed.confidence


def test_a_clear_difference_is_settled_though_its_size_is_not_known() -> None:
    wide = speedup([9.0, 4.0, 7.0, 12.0] * 4, [1.0] * 16)
    assert wide.high > NARROW * wide.low
    assert settled(wide)
    assert settled(speedup([1.0] * 16, [9.0, 4.0, 7.0, 12.0] * 4))
    assert not settled(speedup([2.0, 1.0, 1.6, 2.8] * 4, [1.0] * 16))


def test_an_interval_within_the_margin_is_settled_though_nothing_is_proven() -> None:
    even = speedup([1.0, 1.001, 0.999, 1.0] * 4, [1.0, 1.0, 1.001, 0.999] * 4)
    assert verdict(even) == "not_proven"
    assert settled(even)
    assert not settled(speedup([1.0, 1.3, 0.8], [1.1, 0.9, 1.2]))
