"""The prompts at the side: which were answered the same, and where the others part."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from gui.pages.compare.turns import Turn
from gui.theme.theme import font
from gui.widgets.frames import Card
from gui.widgets.text import label


class PromptList(Card):
    """The conversation first, then one row per prompt.

    Signals:
        chosen(int): -1 for the conversation, else a prompt's position.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(kind="pane", spacing=4, margins=8)
        heading = label(self.tr("Prompts"), "caption")
        heading.setContentsMargins(4, 0, 0, 0)
        self.list = QListWidget()
        self.list.setFont(font("body"))
        self.list.setAccessibleName(self.tr("Prompts"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.currentRowChanged.connect(lambda place: self.chosen.emit(place - 1))
        self.body.addWidget(heading)
        self.body.addWidget(self.list, 1)

    def set_turns(self, turns: Sequence[Turn]) -> None:
        """Show these prompts; keeps the current row."""
        current = self.list.currentRow()
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItem(self.tr("Your conversation"))
        for place, turn in enumerate(turns):
            item = QListWidgetItem()
            item.setToolTip(turn.prompt)
            self.list.addItem(item)
            self._write(item, place, turn)
        self.list.setCurrentRow(current if 0 <= current < self.list.count() else 0)
        self.list.blockSignals(False)

    def refresh(self, place: int, turn: Turn) -> None:
        """The answers to prompt `place` have changed."""
        item = self.list.item(place + 1)
        if item is not None:
            self._write(item, place, turn)

    def select(self, place: int) -> None:
        """Make a prompt (or -1, the conversation) the current one without a signal."""
        self.list.blockSignals(True)
        self.list.setCurrentRow(place + 1)
        self.list.blockSignals(False)

    def _write(self, item: QListWidgetItem, place: int, turn: Turn) -> None:
        first = " ".join(turn.prompt.split())
        mark = turn.mark
        if mark is None:
            text = f"{place + 1}   {first}"
        elif mark == 0:
            text = f"{place + 1} ✓ {first}"
        else:
            text = f"{place + 1} ≠ {first}"
        if item.text() != text:
            item.setText(text)
            words = {None: self.tr("not answered yet"), 0: self.tr("the same answer")}.get(
                mark, self.tr("parts at token %1").replace("%1", str(mark))
            )
            item.setToolTip(f"{words}\n{turn.prompt}")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{place + 1}, {words}, {first}")
