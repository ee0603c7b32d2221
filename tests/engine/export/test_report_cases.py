from __future__ import annotations

import re

from engine.compare.evidence import EmbeddedText, PairedTest, Question, QuestionResult, TokenView
from engine.compare.table import Comparison
from engine.export.report_cases import cases, tinted
from tests.engine.compare.test_differences import CHANGE, CLASSIFIED, PAIRS, _comparison


def _text(comparison: Comparison) -> str:
    return "".join(cases(comparison))


def test_tokens_are_tinted_by_what_the_optimised_model_finds_of_them() -> None:
    found = _comparison()
    (diff,) = found.diffs
    views = (TokenView(own=0.9, other=0.89), TokenView(own=0.5, other=0.2, own_top=(("<b>", 0.5),)))
    tokens = [candidate.answers[0].tokens for candidate in found.candidates]
    before, after = (tinted(tokens[side], views, diff, candidate=bool(side)) for side in (0, 1))
    assert re.findall(r'class="([^"]*)"', before) == ["", "alone less"]
    assert re.findall(r'class="([^"]*)"', after) == ["", "alone more"]
    assert "before 0.50 (“&lt;b&gt;” 0.50) — after 0.20" in before
    assert "before 0.20 () — after 0.50" in after
    assert "<b>" not in before


def test_questions_labels_and_neighbours_have_their_tables() -> None:
    question = Question(prompt="Is 1 < 2?", expect=("yes",))
    asked = (QuestionResult(question=question, answers=("<i>yes", "no"), right=(True, False)),)
    embedded = (
        EmbeddedText(text="x", cosines=(1, 0.9), neighbours=((1,), (2,))),
        EmbeddedText(text="y", cosines=(1, 1), neighbours=((0,), (0,))),
        EmbeddedText(text="z", cosines=(1, 1), neighbours=((0,), (0,))),
    )
    made = _comparison()
    second = made.candidates[1].model_copy(update={"questions": PairedTest(lost=1, gained=0, p_value=1.0)})
    update = {
        "candidates": (made.candidates[0], second), "questions": asked, "classified": CLASSIFIED, "embedded": embedded,
    }  # fmt: skip
    text = _text(made.model_copy(update=update))
    for part in (
        "✓ right<small>&lt;i&gt;yes</small>", "✗ wrong<small>no</small>", "Is 1 &lt; 2?", "1 lost and 0 gained",
        "another label to 1 of 2 texts (50.0 %)", "other nearest texts for 1 of 3 texts", "0.9000</td><td>y</td><td>z",
    ):  # fmt: skip
        assert part in text, part
    assert "<i>yes" not in text


def test_a_comparison_without_cases_has_no_such_part() -> None:
    assert _text(_comparison()) == ""


def test_texts_with_references_stand_most_changed_first_with_their_scores() -> None:
    made = _comparison()
    second = made.candidates[1].model_copy(update={"changes": (CHANGE,)})
    update = {"diffs": (), "pairs": PAIRS[::-1], "candidates": (made.candidates[0], second)}
    found = _text(made.model_copy(update=update))
    assert found.index("Der Fluss") < found.index(">Ja<")
    assert "The river<br>A river" in found
    assert "<td>River<small>ROUGE-L 0.500 · BLEU 20.0</small></td>" in found
    assert "−0.250 (−0.500 to +0.100, 99 % sure, 2 cases)</td><td>not proven worse</td>" in found
