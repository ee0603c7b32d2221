from __future__ import annotations

import pytest

from engine.bench.questions import compare_pairs
from engine.bench.statistics import speedup
from engine.compare.table import Candidate, Change
from engine.compare.verdict import alone, judge
from engine.protocol.measurement import Measurement


def perplexity(value: float) -> Measurement:
    return Measurement(
        name="perplexity", unit="1", better="lower", value=value, low=value - 1, high=value + 1, samples=4000
    )


ORIGINAL = Candidate(
    name="original", reference="a", runtime="transformers", device="cpu",
    measurements=(Measurement.exact("weight_bytes", 400 << 20), perplexity(33.4)),
)  # fmt: skip
SMALL = Candidate(
    name="small", reference="b", runtime="onnxruntime", device="cpu",
    measurements=(Measurement.exact("weight_bytes", 100 << 20), perplexity(33.534)),
)  # fmt: skip


def test_faster_in_words() -> None:
    reference = [1.0, 1.02, 0.99, 1.01, 1.0, 0.98, 1.0]
    candidate = [0.19, 0.187, 0.191, 0.188, 0.189, 0.187, 0.19]
    found = judge(ORIGINAL, SMALL, speedup(reference, candidate), busy=False)
    assert found.verdict == "faster"
    assert found.verdict_text.startswith("×5.3 faster (5.1–5.4, 99 % sure, 7 rounds)")
    assert "4.0 × smaller (100 MiB)" in found.verdict_text
    assert "perplexity +0.40 %" in found.verdict_text


def test_whose_speed_depends_on_the_text_says_so() -> None:
    rate = Measurement(name="acceptance_rate", unit="1", better="higher", value=0.6, low=0.4, high=0.8, samples=90)
    guessing = SMALL.model_copy(update={"measurements": (*SMALL.measurements, rate)})
    ratio = speedup([1.0, 1.01, 0.99], [0.2, 0.21, 0.19])
    assert "guesses ahead" in judge(ORIGINAL, guessing, ratio, busy=False).verdict_text
    assert "guesses ahead" not in judge(ORIGINAL, SMALL, ratio, busy=False).verdict_text


def test_slower_in_words() -> None:
    found = judge(ORIGINAL, SMALL, speedup([1.0, 1.01, 0.99], [2.0, 2.01, 1.99]), busy=False)
    assert found.verdict == "slower"
    assert found.verdict_text.startswith("×2.0")
    assert "slower" in found.verdict_text


def test_noise_is_not_proven_and_a_busy_machine_is_named() -> None:
    ratio = speedup([1.0, 1.3, 0.8, 1.2, 0.9], [1.1, 0.9, 1.2, 1.0, 1.1])
    found = judge(ORIGINAL, ORIGINAL, ratio, busy=True)
    assert found.verdict == "not_proven"
    assert found.verdict_text.startswith("not proven faster")
    assert "same size" in found.verdict_text
    assert "busy" in found.verdict_text


def test_several_copies_are_told_by_their_throughput() -> None:
    def rate(value: float, copies: int) -> Measurement:
        return Measurement(
            name="requests_per_second", unit="1/s", better="higher", value=value, low=value, high=value, samples=5,
            conditions={"replicas": copies},
        )  # fmt: skip

    one = ORIGINAL.model_copy(update={"measurements": (rate(2.0, 1),)})
    two = SMALL.model_copy(update={"measurements": (rate(3.2, 2),)})
    found = judge(one, two, speedup([1.0, 1.01, 0.99], [1.3, 1.31, 1.29]), busy=False)
    assert "×1.60 the requests/s with 2 copies" in found.verdict_text


@pytest.mark.parametrize(
    ("before", "after", "lost", "gained", "words"),
    [
        (18, 18, 1, 1, "18 of 20 questions right, as before"),
        (18, 17, 2, 1, "17 of 20 questions right, 18 before: 2 lost and 1 gained, not proven worse"),
        (18, 8, 10, 0, "8 of 20 questions right, 18 before"),
    ],
)
def test_questions_are_told_with_what_is_proven(before: int, after: int, lost: int, gained: int, words: str) -> None:
    def right(count: int) -> Measurement:
        share = count / 20
        return Measurement(
            name="task_accuracy", unit="1", better="higher", value=share, low=share, high=share, samples=20
        )

    test = compare_pairs([True] * lost + [False] * gained, [False] * lost + [True] * gained)
    one = ORIGINAL.model_copy(update={"measurements": (right(before),)})
    two = SMALL.model_copy(update={"measurements": (right(after),), "questions": test})
    found = judge(one, two, speedup([1.0, 1.01, 0.99], [1.0, 1.0, 1.0]), busy=False)
    assert words in found.verdict_text.split(" · ")
    assert f"{before} of 20 questions right" in alone(one)


def test_a_single_candidate_is_described() -> None:
    assert alone(SMALL) == "100 MiB of weights · perplexity 33.5 ± 1.0"


def test_scores_of_texts_are_named_with_whether_they_are_proven() -> None:
    scores = [Measurement(name="bleu", unit="1", better="higher", value=v, low=5, high=40, samples=9) for v in (31, 28)]
    original = ORIGINAL.model_copy(update={"measurements": (scores[0],)})
    ratio = speedup([1.0, 1.01, 0.99], [0.2, 0.21, 0.19])
    for low, words in ((-5.0, "BLEU 28.0, 31.0 before"), (-8.0, "BLEU 28.0, 31.0 before: not proven worse")):
        change = Change(name="bleu", value=-3, low=low, high=-low - 6, confidence=0.99, samples=9)
        small = SMALL.model_copy(update={"measurements": (scores[1],), "changes": (change,)})
        assert words in judge(original, small, ratio, busy=False).verdict_text.split(" · ")
