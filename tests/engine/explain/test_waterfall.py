"""The waterfall's arithmetic: steps add up to the whole, and each is what the definition says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from engine.explain.waterfall import Scores, Stage, seconds_steps, steps


def _stage(name: str, weight_bytes: int) -> Stage:
    return Stage(name, name, 0, Path(), weight_bytes)


def test_steps_add_up_and_are_differences_of_means() -> None:
    random = np.random.default_rng(0)
    blocks = np.repeat(np.arange(8), 16)
    original = Scores(blocks, np.zeros(128), random.exponential(size=128))
    assert original.nll is not None
    scores = [
        Scores(blocks, random.exponential(size=128) * 0.1, original.nll + 0.1 * random.normal(size=128))
        for _ in range(3)
    ]
    found = steps([_stage("a", 60), _stage("b", 70), _stage("c", 20)], 100, original, scores)
    assert [step.weight_bytes for step in found] == [-40, 10, -50]
    assert sum(step.loss.value for step in found) == pytest.approx(scores[-1].loss.mean())
    assert found[1].loss.value == pytest.approx(scores[1].loss.mean() - scores[0].loss.mean())
    perplexities = [math.exp(one.nll.mean()) for one in (original, *scores) if one.nll is not None]
    for place, step in enumerate(found):
        assert step.perplexity is not None
        share = (perplexities[place + 1] - perplexities[place]) / perplexities[0]
        assert step.perplexity.value == pytest.approx(share)
        assert step.perplexity.low < step.perplexity.value < step.perplexity.high
        assert step.loss.low < step.loss.value < step.loss.high
        assert step.loss.samples == 128


def test_a_step_that_changes_nothing_is_exactly_nothing() -> None:
    blocks = np.arange(4)
    same = Scores(blocks, np.array([0.1, 0.2, 0.3, 0.1]), np.ones(4))
    found = steps([_stage("a", 1), _stage("b", 1)], 1, Scores(blocks, np.zeros(4), np.ones(4)), [same, same])
    assert (found[1].loss.value, found[1].loss.low, found[1].loss.high) == (0.0, 0.0, 0.0)


def test_times_are_paired_by_round() -> None:
    slow = [1.0, 2.0, 3.0]
    fast = [0.5, 1.5, 2.5]
    (change,) = seconds_steps([slow, fast])
    assert (change.value, change.low, change.high) == pytest.approx((-0.5, -0.5, -0.5))  # whatever each round was like
