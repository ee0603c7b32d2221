from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from engine.compare.differences import as_csv, case_words, check_file, records, write
from engine.compare.evidence import (
    Classified,
    ClassifiedText,
    EmbeddedText,
    Pair,
    PairResult,
    Question,
    QuestionResult,
    TokenView,
)
from engine.compare.table import Answer, AnswerToken, Candidate, Change, Comparison
from engine.compare.text_diff import diff
from engine.protocol.errors import UserError


def _answer(*texts: str) -> Answer:
    tokens = tuple(AnswerToken(id=len(t) + ord(t[0]), text=t, seconds=0.1, probability=0.5) for t in texts)
    return Answer(prompt="q", text="".join(texts), tokens=tokens)


def _comparison() -> Comparison:
    left, right = _answer("one ", "two"), _answer("one ", "=three")
    views = (TokenView(own=0.9, other=0.8), TokenView(own=0.5, other=0.2, own_top=(("two", 0.5),)))
    made = diff(left, right).model_copy(update={"reference_views": views, "candidate_views": views})
    candidates = tuple(
        Candidate(name=name, reference=name, runtime="transformers", device="cpu", answers=(answer,))
        for name, answer in (("A", left), ("B", right))
    )
    return Comparison(verdict="faster", verdict_text="", candidates=candidates, diffs=(made,), prompts=("q",))


CLASSIFIED = Classified(
    names=("no", "yes"),
    texts=(
        ClassifiedText(text="x", label=1, classes=(1, 0), probabilities=(0.9, 0.6), before=(0.9, 0.4)),
        ClassifiedText(text="y", label=0, classes=(0, 0), probabilities=(0.8, 0.7), before=(0.8, 0.7)),
    ),
)


PAIRS = (
    PairResult(
        pair=Pair(source="Der Fluss", references=("The river", "A river")), answers=("The river", "River"),
        scores={"rouge_l": (1.0, 0.5), "bleu": (100.0, 20.0)},
    ),
    PairResult(pair=Pair(source="Ja", references=("Yes",)), answers=("Yes", "Yes"), scores={"rouge_l": (1.0, 1.0)}),
)  # fmt: skip
CHANGE = Change(name="rouge_l", value=-0.25, low=-0.5, high=0.1, confidence=0.99, samples=2)


def test_texts_with_references_become_records_and_sentences() -> None:
    made = _comparison()
    second = made.candidates[1].model_copy(update={"changes": (CHANGE,)})
    found = made.model_copy(update={"diffs": (), "pairs": PAIRS, "candidates": (made.candidates[0], second)})
    first, other, _ = records(found)
    assert (first["measure"], first["before"], first["after"], first["difference"]) == ("rouge_l", 1.0, 0.5, -0.5)
    assert (other["expected"], other["answer_before"], other["token"]) == ("The river / A river", "The river", "River")
    assert "The river / A river" in as_csv(found)
    sentences = list(case_words(found))
    assert sentences == [
        "ROUGE-L of B against the original: −0.250 (−0.500 to +0.100, 99 % sure, 2 cases), not proven worse."
    ]
    assert PAIRS[0].changed() == -0.5
    assert PairResult(pair=PAIRS[0].pair, answers=("a", "b")).changed() is None


def test_every_token_becomes_a_record_with_both_probabilities() -> None:
    found = list(records(_comparison()))
    assert [(r["position"], r["token"], r["aligned"]) for r in found] == [
        (1, "one ", "both"), (2, "two", "only the original"),
        (1, "one ", "both"), (2, "=three", "only the candidate"),
    ]  # fmt: skip
    assert (found[1]["before"], found[1]["after"], found[1]["difference"]) == (0.5, 0.2, -0.3)
    assert (found[3]["before"], found[3]["after"], found[3]["difference"]) == (0.2, 0.5, 0.3)
    assert found[1]["top_before"] == [["two", 0.5]]
    assert found[3]["top_after"] == [["two", 0.5]]


def test_csv_holds_the_same_and_no_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(_comparison()))))
    assert len(rows) == 4
    assert rows[1]["top_before"] == "two 0.5"
    assert rows[3]["token"] == "'=three"


def test_questions_classes_and_neighbours_become_records_and_sentences() -> None:
    question = Question(prompt="Capital of\nFrance?", expect=("Paris",))
    asked = (QuestionResult(question=question, answers=("Paris", "Rome"), right=(True, False)),)
    embedded = (
        EmbeddedText(text="x", cosines=(1, 0.9), neighbours=((1,), (2,))),
        EmbeddedText(text="y", cosines=(1, 1), neighbours=((0,), (0,))),
        EmbeddedText(text="z", cosines=(1, 1), neighbours=((0,), (0,))),
    )
    found = _comparison().model_copy(
        update={"diffs": (), "questions": asked, "classified": CLASSIFIED, "embedded": embedded}
    )
    kinds = [r["kind"] for r in records(found)]
    assert kinds == ["question", "class", "class", "embedding", "embedding", "embedding"]
    by_kind = {r["kind"]: r for r in reversed(list(records(found)))}
    assert (by_kind["class"]["before"], by_kind["class"]["after"], by_kind["class"]["difference"]) == (
        "yes",
        "no",
        -0.5,
    )
    assert by_kind["embedding"]["top_after"] == [["z", 3]]
    assert list(case_words(found)) == [
        "Question 1: B answers wrongly, unlike the original (“Capital of France?”).",
        "B gives another label to 1 of 2 texts.",
        "B has other nearest texts for 1 of 3 texts.",
    ]


def test_confusion_counts_by_reference_and_by_label() -> None:
    assert CLASSIFIED.confusion(1) == ((1, 0), (1, 0))
    assert CLASSIFIED.against_labels(0) == ((1, 0), (0, 1))
    assert CLASSIFIED.texts[0].flipped()
    assert CLASSIFIED.texts[0].change() == pytest.approx(-0.5)


def test_files_are_named_by_kind_and_never_written_over(tmp_path: Path) -> None:
    write(_comparison(), tmp_path / "d.json")
    assert json.loads((tmp_path / "d.json").read_text())["candidates"] == ["A", "B"]
    with pytest.raises(UserError, match="exists already"):
        write(_comparison(), tmp_path / "d.json")
    write(_comparison(), tmp_path / "d.json", replace=True)
    with pytest.raises(UserError, match="CSV or JSON"):
        check_file(tmp_path / "d.txt")
    with pytest.raises(UserError, match="cannot be written"):
        write(_comparison(), tmp_path / "absent" / "d.csv")


def test_the_share_of_changed_tokens_and_the_mean_shift() -> None:
    (found,) = _comparison().diffs
    assert found.changed == 0.5
    assert found.shift == pytest.approx(0.2)
    assert diff(_answer("a"), _answer("a")).shift is None
