from __future__ import annotations

import pytest

from engine.bench.statistics import share_at_most, speedup
from engine.compare.deadline import deadline_words, judge_deadline
from engine.compare.table import Candidate
from engine.compare.verdict import alone, judge


def test_one_late_answer_in_a_hundred_is_allowed() -> None:
    in_time = judge_deadline([0.1] * 199 + [0.3], 0.2)
    assert (in_time.met, in_time.late, in_time.answers, in_time.p99) == (True, 1, 200, 0.1)
    late = judge_deadline([0.1] * 55 + [0.3], 0.2)
    assert (late.met, late.late, late.p99) == (False, 1, 0.3)


def test_the_verdict_says_on_how_many_answers_it_rests() -> None:
    claim, rests = deadline_words(judge_deadline([0.1] * 56, 0.2))
    assert claim == "deadline of 200 ms met"
    assert rests.startswith("56 of 56 answers began in time, p99 100 ms")
    assert "no more than 5.2 % of all answers will be late" in rests


@pytest.mark.parametrize(("late", "count", "bound"), [(0, 59, 0.0495), (0, 299, 0.00997), (1, 20, 0.2161), (3, 3, 1.0)])
def test_the_bound_is_clopper_and_pearsons(late: int, count: int, bound: float) -> None:
    assert share_at_most(late, count) == pytest.approx(bound, rel=2e-3)


def test_both_models_fates_are_told() -> None:
    slow, quick = (
        Candidate(name=name, reference=name, runtime="r", device="cpu", deadline=judge_deadline([first] * 40, 0.2))
        for name, first in (("original", 0.3), ("small", 0.1))
    )
    text = judge(slow, quick, speedup([3.0, 3.1, 3.0], [1.0, 1.0, 1.1]), busy=False).verdict_text
    assert "deadline of 200 ms met" in text
    assert "original missed it" in text
    assert alone(slow).startswith("deadline of 200 ms missed · 0 of 40 answers began in time")
