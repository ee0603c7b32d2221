"""The panes: whole characters, marks where answers part, an explanation of every token."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from engine.compare.table import Answer
from engine.compare.text_diff import diff
from engine.protocol.events import Token
from gui.pages.compare.pane import AnswerView
from gui.pages.compare.turns import Turn, differing, probability_words

pytestmark = pytest.mark.usefixtures("styled")


def _stream(candidate: int, *texts: str, start: int = 0, probability: float = 0.5) -> list[Token]:
    return [
        Token(
            candidate=candidate, prompt=0, index=start + i, token_id=sum(map(ord, text)) or 7,
            text=text, seconds=0.01, probability=probability,
        )
        for i, text in enumerate(texts)
    ]  # fmt: skip


def _answer(turn: Turn, candidate: int) -> Answer:
    return Answer(prompt=turn.prompt, text=turn.text(candidate), tokens=tuple(turn.answer(candidate)))


def _marked(view: AnswerView) -> list[str]:
    return [selection.cursor.selectedText() for selection in view.extraSelections()]


def test_divergence_is_found_while_tokens_arrive() -> None:
    turn = Turn("q")
    turn.add(_stream(0, "a", "b"))
    assert turn.mark is None
    turn.add(_stream(1, "a", "x"))
    assert turn.diverged == {1: 1}
    assert turn.mark == 2
    assert differing(turn, 0) == differing(turn, 1) == {1}


def test_same_answers_get_the_same_mark() -> None:
    turn = Turn("q")
    turn.add(_stream(0, "a", "b") + _stream(1, "a", "b"))
    turn.finish([_answer(turn, 0), _answer(turn, 1)], [diff(_answer(turn, 0), _answer(turn, 1))])
    assert turn.mark == 0


def test_probabilities_are_compared_only_while_both_saw_the_same_words() -> None:
    turn = Turn("q")
    turn.add(_stream(0, "a", "b", "c", probability=0.41) + _stream(1, "a", "x", "y", probability=0.37))
    assert probability_words(turn, 1, 1) == (0.37, 0.41)
    assert probability_words(turn, 1, 2) == (0.37, None)


def test_streamed_text_equals_rewritten_text_in_chinese(qtbot: QtBot) -> None:
    view = AnswerView(0)
    qtbot.addWidget(view)
    turn = Turn("请介绍长城")
    view.begin(turn)
    for start, text in enumerate(["长", "", "城", "\n", "很长😀", "。"]):
        turn.add(_stream(0, text, start=start))
        view.grow()
    streamed = view.toPlainText()
    view.show_turns([turn])
    assert streamed == view.toPlainText() == "请介绍长城\n长城\n很长😀。"


def test_marks_cover_exactly_the_differing_words(qtbot: QtBot) -> None:
    turn = Turn("q")
    turn.add(_stream(0, "\n", "It ", "😀 ", "is ", "red") + _stream(1, "\n", "It ", "😀 ", "was ", "blue"))
    turn.finish([_answer(turn, 0), _answer(turn, 1)], [diff(_answer(turn, 0), _answer(turn, 1))])
    views = [AnswerView(0), AnswerView(1)]
    for view in views:
        qtbot.addWidget(view)
        view.show_turns([turn])
    assert _marked(views[0]) == ["is red", "is "]
    assert _marked(views[1]) == ["was blue", "was "]


def test_a_token_explains_itself_on_hover(qtbot: QtBot) -> None:
    view = AnswerView(1)
    qtbot.addWidget(view)
    view.resize(300, 200)
    view.show()
    turn = Turn("q")
    turn.add(_stream(0, "one ", "two ", probability=0.41) + _stream(1, "one ", "three ", probability=0.37))
    view.show_turns([turn])
    cursor = QTextCursor(view.document())
    cursor.setPosition(view._starts[0][1] + 1)
    found = view.token_at(view.cursorRect(cursor).center())
    assert found == (turn, 1)
    text = view.explain(*found)
    assert "Token 2: “three ”" in text
    assert "probability 0.370" in text
    assert "the original gave its own token 0.410 (-0.040)" in text
    assert "Here the two answers part." in text


def test_a_token_is_picked_by_a_click_and_by_the_cursor(qtbot: QtBot) -> None:
    view = AnswerView(1)
    qtbot.addWidget(view)
    view.resize(400, 120)
    turn = Turn("q")
    turn.add(_stream(1, "first", " second", " third"))
    view.show_turns([turn])
    view.show()
    picked: list[tuple[Turn, int]] = []
    view.picked.connect(lambda turn, place: picked.append((turn, place)))
    cursor = QTextCursor(view.document())
    cursor.setPosition(view._starts[0][1] + 3)
    spot = view.cursorRect(cursor).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert picked == [(turn, 1)]
    cursor.setPosition(view._starts[0][2] + 1)
    view.setTextCursor(cursor)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert picked[1:] == [(turn, 2)]
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    qtbot.mouseMove(view.viewport(), spot + QPoint(60, 0))
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=spot + QPoint(60, 0))
    assert len(picked) == 2  # text was selected
