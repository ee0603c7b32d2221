"""Calibration and power of verdicts on simulated noise; the same with real timings is in test_real_verdicts.py."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest

from engine.bench import statistics
from engine.bench.runner import orders

Floats = npt.NDArray[np.float64]


def noise(kind: str, count: int, random: np.random.Generator) -> Floats:
    """Logarithms of `count` successive timings of the same thing, [count]."""
    x = 0.02 * random.standard_normal(count)
    if kind == "autocorrelated":
        state, slow = random.standard_normal(), np.empty(count)
        for i in range(count):
            state = 0.8 * state + 0.6 * random.standard_normal()
            slow[i] = state
        return 0.05 * slow
    if kind == "drifting":
        return x + np.linspace(0, 0.3 * random.standard_normal(), count)
    if kind == "spiky":
        return x + (random.random(count) < 0.15) * random.exponential(0.4, count)
    if kind == "stepping":
        return x + 0.3 * (np.arange(count) >= random.integers(count))
    if kind == "periodic":
        return x / 2 + 0.1 * np.sin(2 * np.pi * (np.arange(count) / random.uniform(2, 20) + random.random()))
    return x


def comparison(kind: str, rounds: int, factor: float, seed: int) -> statistics.Speedup:
    """A comparison of a model with one that is `factor` times faster, in the order that the runner times them."""
    slots = iter(noise(kind, 2 * rounds, np.random.default_rng(seed)))
    seconds = np.empty((2, rounds))
    for index, order in enumerate(orders(rounds, 2, seed=seed)):
        for candidate in order:
            seconds[candidate, index] = math.exp(next(slots)) / (factor if candidate else 1)
    return statistics.speedup(list(seconds[0]), list(seconds[1]))


KINDS = ["plain", "autocorrelated", "drifting", "spiky", "stepping", "periodic"]


@pytest.mark.parametrize("rounds", [3, 7, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_against_itself_is_not_proven_faster(kind: str, rounds: int) -> None:
    """At least 95 of 100; the interval itself may miss in a few of 100."""
    found = [comparison(kind, rounds, 1.0, seed) for seed in range(400)]
    assert sum(statistics.verdict(ratio) == "not_proven" for ratio in found) >= 0.95 * len(found)
    assert sum(ratio.low <= 1 <= ratio.high for ratio in found) >= 0.95 * len(found)


@pytest.mark.parametrize(
    ("factor", "rounds", "kind"), [(5, 3, "plain"), (5, 5, "autocorrelated"), (5, 5, "drifting"), (1.2, 7, "plain")]
)
def test_a_true_gain_is_found(factor: float, rounds: int, kind: str) -> None:
    found = [statistics.verdict(comparison(kind, rounds, factor, seed)) for seed in range(200)]
    assert found.count("faster") >= 0.95 * len(found)
    back = [statistics.verdict(comparison(kind, rounds, 1 / factor, seed)) for seed in range(200)]
    assert back.count("slower") >= 0.95 * len(back)


def test_orders_are_balanced_and_both_ways() -> None:
    found = list(orders(40, 2))
    assert all(sorted(order) == [0, 1] for order in found)
    assert all(found[i] == found[i + 1][::-1] for i in range(0, 40, 2))
    assert 2 <= sum(order == (0, 1) for order in found[::2]) <= 18


@pytest.mark.parametrize(
    ("confidence", "dof", "expected"), [(0.99, 6, 3.7074), (0.99, 2, 9.9248), (0.95, 1, 12.706), (0.95, 29, 2.0452)]
)
def test_student_quantiles(confidence: float, dof: int, expected: float) -> None:
    assert statistics.t_quantile(confidence, dof) == pytest.approx(expected, rel=1e-4)


def test_a_trimmed_interval_is_that_of_the_textbook_and_hardly_minds_outliers() -> None:
    """Ten values, two left out at either end: mean of the six others; error from the winsorized squares."""
    values = [3.0, -50.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 900.0]
    kept, winsorized = [2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [2.0] * 2 + [2.0, 3.0, 4.0, 5.0, 6.0, 7.0] + [7.0] * 2
    squares = sum((w - 4.5) ** 2 for w in winsorized)
    half = 2.5706 * math.sqrt(squares / (6 * 5))  # t of 95 % with 5 degrees of freedom
    found = statistics.trimmed_interval(values, 0.95)
    assert sum(kept) / 6 == found[0] == 4.5
    assert found == pytest.approx((4.5, 4.5 - half, 4.5 + half), rel=1e-4)
    assert statistics.trimmed_interval(values[:4], 0.95) == statistics.mean_interval(values[:4], 0.95)


def test_a_loss_of_a_twentieth_is_found_among_rounds_that_stall() -> None:
    """128 rounds that vary by a thirtieth, one in seven held up by two fifths: rarely seen without trimming."""
    found = [comparison("spiky", 128, 1 / 1.06, seed) for seed in range(100)]
    assert sum(statistics.verdict(ratio) == "slower" for ratio in found) >= 90


def test_over_rounds_is_the_median_within_its_interval() -> None:
    found = statistics.over_rounds("ttft_seconds", [1.0, 1.1, 5.0], {"threads": 2})
    assert found.value == 1.1
    assert found.low <= 1.1 <= found.high
    assert (found.samples, found.confidence, found.conditions) == (3, 0.95, {"threads": 2})


def test_a_percentile_lies_between_order_statistics_that_hold_it() -> None:
    """200 samples of 500 skewed times: 95 % nominal, at least 90 % here; with few values the upper end is open."""
    random, hits = np.random.default_rng(0), 0
    truth = -math.log(0.1)  # the 90th percentile of Exp(1)
    for _ in range(200):
        found = statistics.percentile("inter_token_p90_seconds", random.exponential(1.0, 500).tolist(), 0.9, {})
        hits += found.low <= truth <= found.high
    assert 180 <= hits <= 199
    few = statistics.percentile("inter_token_p99_seconds", [float(i) for i in range(1, 101)], 0.99, {})
    assert few.value == 99.0
    assert math.isinf(few.high)
    assert few.low < 99.0


def test_block_bootstrap_covers_the_mean_of_dependent_values() -> None:
    """200 texts of 40 blocks of 16 equal, skewed values: 95 % nominal, at least 90 % here."""
    random, hits = np.random.default_rng(0), 0
    for _ in range(200):
        values = np.repeat(random.exponential(1.0, 40), 16)
        _, low, high = statistics.bootstrap_mean(values, np.repeat(np.arange(40), 16))
        hits += low <= 1.0 <= high
    assert 180 <= hits <= 199


def test_block_bootstrap_of_one_block_or_constant_values() -> None:
    one = statistics.bootstrap_mean(np.array([1.0, 2.0]), np.zeros(2))
    assert one[0] == 1.5
    assert math.isinf(one[2])
    assert statistics.bootstrap_mean(np.zeros(10), np.arange(10)) == (0.0, 0.0, 0.0)


def test_intervals_grow_as_confidence_does() -> None:
    widths = [statistics.t_quantile(confidence, 5) for confidence in (0.5, 0.9, 0.95, 0.99)]
    assert all(a < b for a, b in itertools.pairwise(widths))
