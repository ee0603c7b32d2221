"""Calibration of verdicts with real timings: the same model opened twice, and a model that is truly slower."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import statistics, texts
from engine.bench.runner import time_answers
from engine.compare.table import Speedup
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer
from tests.benchmarks.verdict_trials import BARS, trial
from tests.helpers import checkpoints


def compare_speed(folders: tuple[Path, Path], rounds: int, prompt: int, new: int) -> Speedup:
    """A timing comparison of two models as the compare job makes it, opened afresh."""
    text = texts.read_text(None)[0]
    sessions = [open_session(folder, threads=1) for folder in folders]
    try:
        prompts = [texts.prompts_of(load_tokenizer(folder), text, prompt, rounds) for folder in folders]
        first, second = time_answers(sessions, prompts, new, lambda: None)
    finally:
        for session in sessions:
            session.close()
    return statistics.speedup([r.decode_seconds for r in first], [r.decode_seconds for r in second])


@pytest.mark.parametrize(
    ("repetitions", "allowed"),
    # Two of twenty: the short form finds a gross miscalibration and does not fail by chance.
    [pytest.param(20, 2, marks=pytest.mark.slow), pytest.param(100, 5, marks=pytest.mark.benchmark)],
)
@pytest.mark.timeout(1800)
def test_a_model_against_itself_is_not_proven_faster(stories260k: Path, repetitions: int, allowed: int) -> None:
    found = [compare_speed((stories260k, stories260k), 7, 64, 32) for _ in range(repetitions)]
    proven = [ratio for ratio in found if statistics.verdict(ratio) != "not_proven"]
    assert len(proven) <= allowed, proven


def test_real_extra_work_in_every_token_is_called_slower(tiny_llama: Path) -> None:
    """The short form of tests/benchmarks/verdict_trials.py: half as much again, which few rounds must show."""
    found = trial(tiny_llama, "slower", 20.0, share=0.5)
    assert found["verdict"] == "slower"
    assert 0.5 < found["ratio"] < 0.85


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "seconds", "fewest"), [("same", 5.0, 11), ("slower", 60.0, 9)])
def test_trials_in_short(tiny_llama: Path, kind: str, seconds: float, fewest: int) -> None:
    """Of twelve; the bars of 97 and 90 in a hundred are for the 200 trials of tests/benchmarks/verdict_trials.py."""
    found = [trial(tiny_llama, kind, seconds)["verdict"] for _ in range(12)]
    assert found.count(BARS[kind][0]) >= fewest, found


def test_a_model_of_five_times_the_work_is_found_slower(tmp_path: Path) -> None:
    """Width and layers make decoding far slower; five rounds must show it."""
    small = checkpoints.tiny_llama(tmp_path / "small", layers=1, hidden=64)
    large = checkpoints.tiny_llama(tmp_path / "large", layers=16, hidden=256)
    ratio = compare_speed((large, small), 5, 16, 16)
    assert ratio.value > 5
    assert statistics.verdict(ratio) == "faster"
