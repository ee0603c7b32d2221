"""Notes under a verdict: one is read at once, several are unfolded."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from gui.widgets.notes import Notes


def test_several_notes_are_folded_and_one_is_not(qtbot: QtBot) -> None:
    notes = Notes()
    qtbot.addWidget(notes)
    assert not notes.isVisibleTo(None)
    notes.show_notes(["The machine was busy."])
    assert notes.text.isVisibleTo(notes)
    assert not notes.unfold.isVisibleTo(notes)
    notes.show_notes(["One.", "Two."])
    assert not notes.text.isVisibleTo(notes)
    notes.unfold.click()
    assert notes.text.isVisibleTo(notes)
    assert notes.text.text() == "One.\nTwo."
    notes.show_notes(["Three.", "Four."])
    assert not notes.text.isVisibleTo(notes)
