"""Failures are told with cause, remedy and buttons."""

from __future__ import annotations

from typing import get_args

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from engine.protocol.errors import Failure, FailureCode
from gui.messages.card import FailureCard
from gui.messages.failures import REMEDY_LABELS, TEXTS

pytestmark = pytest.mark.usefixtures("styled")


def _failure(code: FailureCode, **more: str) -> Failure:
    return Failure(kind="user", cause="The disk is full.", remedy="Free some space.", code=code, **more)


def test_every_code_has_a_headline_and_known_remedies() -> None:
    assert set(TEXTS) == set(get_args(FailureCode))
    for text in TEXTS.values():
        assert text.headline
        assert not text.headline.startswith(("Error", "Failed", "Invalid"))
        assert set(text.remedies) <= set(REMEDY_LABELS)


def test_only_offered_remedies_become_buttons(qtbot: QtBot) -> None:
    card = FailureCard("resume", "settings")
    qtbot.addWidget(card)
    card.show_failure(_failure("disk_full", where="/data"))
    assert [b.objectName() for b in card.findChildren(QPushButton) if b.objectName()] == ["settings", "resume", "copy"]
    with qtbot.waitSignal(card.remedy) as caught:
        card.findChild(QPushButton, "resume").click()
    assert caught.args == ["resume"]
    card.findChild(QPushButton, "copy").click()
    assert "disk_full: The disk is full." in QGuiApplication.clipboard().text()


@pytest.mark.parametrize(
    ("answer", "trusted"), [(QMessageBox.StandardButton.No, []), (QMessageBox.StandardButton.Yes, ["trust_code"])]
)
def test_code_is_trusted_only_when_asked_and_answered(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, answer: QMessageBox.StandardButton, trusted: list[str]
) -> None:
    asked: list[object] = []

    def question(*arguments: object) -> QMessageBox.StandardButton:
        asked.append(arguments[-1])
        return answer

    monkeypatch.setattr(QMessageBox, "question", question)
    card = FailureCard("trust_code", "choose_folder")
    qtbot.addWidget(card)
    chosen: list[str] = []
    card.remedy.connect(chosen.append)
    card.show_failure(_failure("remote_code"))
    card.findChild(QPushButton, "trust_code").click()
    assert chosen == trusted
    assert asked == [QMessageBox.StandardButton.No]  # the default answer


def test_details_are_folded(qtbot: QtBot) -> None:
    card = FailureCard("resume")
    qtbot.addWidget(card)
    card.show_failure(Failure(kind="bug", cause="Something.", remedy="Report it.", code="bug", traceback="Traceback …"))
    assert not card._details.isVisibleTo(card)
    next(b for b in card.findChildren(QPushButton) if b.text() == "Details").click()
    assert card._details.isVisibleTo(card)
