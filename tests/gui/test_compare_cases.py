"""Single cases on the Compare page: tints and first choices, the order of prompts, questions, labels, neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from engine.checkpoint.info import Task
from engine.compare.evidence import EmbeddedText, HarnessScore, PairedTest, Question, QuestionResult, TokenView
from engine.compare.table import Answer, AnswerToken, Candidate, Comparison
from engine.compare.text_diff import diff
from engine.protocol.measurement import Measurement
from gui.item_models.measurements import change_words, rows_of
from gui.pages.compare.cases import HARNESS, QUESTIONS, TOKENS, CasesView
from gui.pages.compare.cases import PAIRS as TEXTS
from gui.pages.compare.options import MeasureOptions
from gui.pages.compare.pane import AnswerView
from gui.pages.compare.prompts import IN_ORDER, MOST_FIRST, ONLY_DIFFERENT, PromptList
from gui.pages.compare.save import save_differences
from gui.pages.compare.texts import TextsView
from gui.pages.compare.token_tip import change_of, tint
from gui.pages.compare.turns import Turn
from tests.engine.compare.test_differences import CHANGE, CLASSIFIED, PAIRS

pytestmark = pytest.mark.usefixtures("styled")


def _answer(prompt: str, *texts: str) -> Answer:
    tokens = tuple(AnswerToken(id=sum(map(ord, t)), text=t, seconds=0.1, probability=0.5) for t in texts)
    return Answer(prompt=prompt, text="".join(texts), tokens=tokens)


def _comparison(**update: object) -> Comparison:
    """Three prompts: answered the same, wholly otherwise, and otherwise in one of four tokens."""
    words = [(("a ", "b"), ("a ", "b")), (("a ", "b"), ("c ", "d")), (("a ", "b ", "c ", "d"), ("a ", "b ", "x ", "d"))]
    answers = [[_answer(str(place), *pair[side]) for place, pair in enumerate(words)] for side in (0, 1)]
    diffs = []
    for place, (left, right) in enumerate(zip(*answers, strict=True)):
        views = tuple(
            TokenView(
                own=0.9, other=0.9 - 0.3 * index, own_top=((token.text, 0.9), ("z", 0.05)), other_top=(("z", 0.6),)
            )
            for index, token in enumerate(right.tokens)
        )
        made = diff(left, right, prompt=place)
        diffs.append(made.model_copy(update={"reference_views": views, "candidate_views": views}))
    candidates = tuple(
        Candidate(name=name, reference=name, runtime="transformers", device="cpu", answers=tuple(own))
        for name, own in zip(("original", "small"), answers, strict=True)
    )
    made = Comparison(
        verdict="faster", verdict_text="", candidates=candidates, diffs=tuple(diffs), prompts=("0", "1", "2")
    )
    return made.model_copy(update=update)


def _turns(comparison: Comparison) -> list[Turn]:
    turns = [Turn(prompt) for prompt in comparison.prompts]
    for place, turn in enumerate(turns):
        turn.finish([c.answers[place] for c in comparison.candidates], [comparison.diffs[place]])
    return turns


def test_tokens_are_tinted_by_the_change_and_underlined_where_one_side_wrote_them(qtbot: QtBot) -> None:
    turn = _turns(_comparison())[2]
    view = AnswerView(1)
    qtbot.addWidget(view)
    view.show_turns([turn])
    assert [change_of(turn, 1, place) for place in range(4)] == pytest.approx([0.0, 0.3, 0.6, 0.9])
    assert change_of(turn, 0, 1) == pytest.approx(-0.3)
    assert change_of(turn, 1, 9) is None
    marks = [(mark.cursor.selectedText(), mark.format.fontUnderline()) for mark in view.extraSelections()]
    assert marks == [("b ", False), ("x ", True), ("d", False)]
    more, much_more, less = tint(0.1), tint(0.9), tint(-0.1)
    assert more is not None
    assert much_more is not None
    assert less is not None
    assert more.alpha() < much_more.alpha()
    assert more.rgb() != less.rgb()
    assert tint(0.01) is None


def test_a_token_shows_both_lists_of_first_choices(qtbot: QtBot) -> None:
    turn = _turns(_comparison())[2]
    view = AnswerView(1)
    qtbot.addWidget(view)
    view.names = ("original", "small")
    view.show_turns([turn])
    text = view.tip(turn, 2)
    assert "Token 3: “x ”" in text
    assert "more probable (+0.60)" in text
    assert "Here the two answers part." in text
    assert text.index("original") < text.index("small")  # the original's list stands on the left
    assert text.index("0.60") < text.index("<b>x </b>")
    assert "equally probable" in view.tip(turn, 0)


def test_prompts_are_listed_by_how_much_they_differ(qtbot: QtBot) -> None:
    prompts = PromptList()
    qtbot.addWidget(prompts)
    prompts.set_turns(_turns(_comparison()))
    orders = {}
    for order in (IN_ORDER, MOST_FIRST, ONLY_DIFFERENT):
        prompts.order.setCurrentIndex(order)
        orders[order] = prompts.places
    assert orders == {IN_ORDER: [0, 1, 2], MOST_FIRST: [1, 2, 0], ONLY_DIFFERENT: [1, 2]}
    assert "≠ 100 %" in prompts.list.item(1).text()
    with qtbot.waitSignal(prompts.chosen) as caught:
        prompts.list.setCurrentRow(2)
    assert caught.args == [2]
    prompts.select(0)  # a prompt that is not listed
    assert prompts.list.currentRow() == -1
    prompts.set_turns([Turn("not answered")])
    assert prompts.order.isHidden()
    assert prompts.places == [0]


def test_questions_and_tokens_are_shown_case_by_case(qtbot: QtBot) -> None:
    question = Question(prompt="Capital of France?", expect=("Paris",))
    other = Question(prompt="1 + 1?", expect=("2",), how="numeric")
    asked = (
        QuestionResult(question=other, answers=("2", "2"), right=(True, True)),
        QuestionResult(question=other, answers=("3", "4"), right=(False, False)),
        QuestionResult(question=question, answers=("Paris", "Rome, I think"), right=(True, False)),
    )
    made = _comparison(questions=asked)
    test = PairedTest(lost=1, gained=0, p_value=1.0)
    second = made.candidates[1].model_copy(update={"questions": test})
    view = CasesView()
    qtbot.addWidget(view)
    view.set_comparison(made.model_copy(update={"candidates": (made.candidates[0], second)}))
    assert view.pick.currentIndex() == QUESTIONS
    assert "small: 1 / 3" in view.summary.text()
    assert "1 lost, 0 gained: chance alone does that in 100 % of cases" in view.summary.text()
    first = view.question_view.model().index(0, 0)
    assert first.data() == "Capital of France?"  # what changed stands before what stayed wrong
    assert "✗ small\nRome, I think" in view.asked.details.text()
    view.pick.setCurrentIndex(TOKENS)
    rows = view.token_view.model()
    assert rows.rowCount() == 2 + 2 + 2 + 4 + 1
    changes = [abs(view.tokens.rows[i].change) for i in range(rows.rowCount())]
    assert rows.index(0, 6).data() == f"−{max(changes):.3f}"
    with qtbot.waitSignal(view.chosen) as caught:
        view.token_view.clicked.emit(rows.index(0, 0))
    assert caught.args == [2]
    view.set_comparison(None)
    assert view._stack.currentIndex() == 0


def test_texts_with_references_are_shown_beside_what_both_wrote(qtbot: QtBot) -> None:
    view = CasesView()
    qtbot.addWidget(view)
    view.set_comparison(_comparison(pairs=PAIRS[::-1]))
    assert view.pick.currentIndex() == TEXTS
    assert view.summary.text() == "small writes something else to 1 of 2 texts"
    table = view.pair_view.model()
    assert [table.index(0, place).data() for place in range(4)] == ["Der Fluss", "The river", "River", "−0.500"]
    assert "A river" in view.written.details.text()
    assert "small (ROUGE-L 0.500 · BLEU 20.0)\nRiver" in view.written.details.text()
    assert not view.pick.model().item(QUESTIONS).isEnabled()


def test_tasks_of_the_harness_are_shown_with_what_was_won_and_lost(qtbot: QtBot) -> None:
    score = HarnessScore(
        task="arc_easy", metric="acc", higher_is_better=True, values=(0.5, 0.25), errors=(0.1, None), samples=8,
        tests=(None, PairedTest(lost=2, gained=0, p_value=0.5)), differences=(None, None),
    )  # fmt: skip
    view = CasesView()
    qtbot.addWidget(view)
    view.set_comparison(_comparison(harness=(score,)))
    assert view.pick.currentIndex() == HARNESS
    table = view.harness_view.model()
    cells = [table.index(0, place).data() for place in range(6)]
    assert cells == ["arc_easy", "acc", "8", "0.500 ± 0.10", "0.250", "−0.250 (2 lost, 0 gained), not proven"]


@pytest.mark.parametrize("there", [True, False])
def test_options_follow_the_task_and_say_what_is_missing(
    there: bool, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gui.pages.compare.options.installed", lambda: there)
    options = MeasureOptions()
    qtbot.addWidget(options)
    assert options.harness.isEnabled() == options.harness_limit.isEnabled() == there
    told = [found.text() for found in options.findChildren(QLabel)]
    assert any("pip install hasten[eval]" in text for text in told) != there
    options.harness.setText("arc_easy")
    options.harness_limit.setValue(9)
    options._clear()
    assert (options.harness.text(), options.harness_limit.value()) == ("", 0)
    shown: dict[Task, tuple[bool, bool, bool]] = {
        "text-generation": (True, False, False), "token-classification": (False, True, True),
        "text-classification": (False, True, False),
    }  # fmt: skip
    options.show()
    for task, expected in shown.items():
        options.show_task(task)
        assert (options.pairs.isVisible(), options.dataset.isVisible(), options.tag_column.isVisible()) == expected


def test_a_change_on_the_same_cases_is_told_so() -> None:
    pair = [
        Measurement(name="rouge_l", unit="1", better="higher", value=v, low=0, high=1, samples=2) for v in (1, 0.75)
    ]
    (row,) = rows_of([(m,) for m in pair], changes=[(), (CHANGE,)])
    assert change_words(row) == "no proven difference on the same cases (−0.500 … +0.100, 99 %)"
    surer = CHANGE.model_copy(update={"high": -0.1})
    (row,) = rows_of([(m,) for m in pair], changes=[(), (surer,)])
    assert change_words(row) == "worse on the same cases (−0.500 … −0.100, 99 %)"


def test_classifiers_show_flipped_labels_first_and_a_table_of_labels(qtbot: QtBot) -> None:
    view = TextsView()
    qtbot.addWidget(view)
    view.set_comparison(_comparison(diffs=(), prompts=(), classified=CLASSIFIED))
    assert view.shown
    assert view.headline.text() == "Another label for 1 of 2 texts (50.0 %)"
    first = view.view.model()
    assert first.index(0, 0).data() == "x"
    assert first.index(0, first.columnCount() - 1).data() == "other label  −0.500"
    counts = {cell.accessibleName(): cell.text() for cell in view.findChildren(QLabel) if cell.accessibleName()}
    assert counts["yes → no: 1"] == "1"
    view.pick.setCurrentIndex(1)  # the original against the right labels
    names = {cell.accessibleName() for cell in view.findChildren(QLabel) if cell.accessibleName()}
    assert {"yes → yes: 1", "no → no: 1"} <= names


def test_taggers_show_words_and_count_all_of_them(qtbot: QtBot) -> None:
    word = CLASSIFIED.texts[0].model_copy(update={"text": "a [x] b", "word": "x"})
    table = ((8, 0), (1, 1))
    tagged = CLASSIFIED.model_copy(update={"texts": (word,), "confusions": (table, table), "total": 10})
    view = TextsView()
    qtbot.addWidget(view)
    view.set_comparison(_comparison(diffs=(), prompts=(), classified=tagged))
    assert view.headline.text() == "Another tag for 1 of 10 words (10.0 %)"
    assert [view.view.model().index(0, place).data() for place in range(2)] == ["a [x] b", "x"]


def test_embeddings_show_what_is_near_no_longer(qtbot: QtBot) -> None:
    embedded = (
        EmbeddedText(text="x", cosines=(1, 0.9), neighbours=((1,), (2,))),
        EmbeddedText(text="y", cosines=(1, 0.95), neighbours=((0,), (0,))),
        EmbeddedText(text="z", cosines=(1, 1), neighbours=((0,), (0,))),
    )
    view = TextsView()
    qtbot.addWidget(view)
    view.set_comparison(_comparison(diffs=(), prompts=(), embedded=embedded))
    assert view.headline.text() == "Other nearest texts for 1 of 3 texts (33.3 %)"
    table = view.view.model()
    assert [table.index(0, place).data() for place in range(5)] == ["x", "0.9000", "0 / 1", "y", "z"]
    assert table.index(0, 2).data(Qt.ItemDataRole.TextAlignmentRole) is not None
    view.set_comparison(_comparison())
    assert not view.shown


def test_differences_are_saved_under_the_chosen_name(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = TextsView()
    qtbot.addWidget(view)
    answers = iter([("", ""), (str(tmp_path / "d"), "JSON (*.json)")])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: next(answers))
    assert save_differences(_comparison(), view) is None
    path = save_differences(_comparison(), view)
    assert path == tmp_path / "d.json"
    assert len(json.loads(path.read_text())["differences"]) == 16


def test_measurements_on_the_second_text_are_called_so() -> None:
    found = Measurement(name="perplexity", unit="1", better="lower", value=9, low=8, high=10, samples=90)
    (row,) = rows_of([(found,)], second=True)
    assert row.title == "Perplexity, second text"
