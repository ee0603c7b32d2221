"""The prompts at the side: which were answered the same, where the others part, and which differ most."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QListWidget, QListWidgetItem

from engine.compare.format import format_percent
from gui.pages.compare.save import save_button
from gui.pages.compare.turns import Turn
from gui.theme.theme import font
from gui.widgets.frames import Card, row
from gui.widgets.text import label

IN_ORDER, MOST_FIRST, ONLY_DIFFERENT = range(3)
_PLACE = int(Qt.ItemDataRole.UserRole)


class PromptList(Card):
    """The conversation first, then one row per prompt.

    Attributes:
        order: as asked, the most different first, or those alone.
        save_button: asks for the differences as a file; shown once there are answers to compare.

    Signals:
        chosen(int): -1 for the conversation, else a prompt's position.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(kind="pane", spacing=4, margins=8)
        self._turns: list[Turn] = []
        heading = label(self.tr("Prompts"), "caption")
        heading.setContentsMargins(4, 0, 0, 0)
        self.order = QComboBox()
        self.order.addItems([self.tr("In order"), self.tr("Most different first"), self.tr("Only different ones")])
        self.order.setAccessibleName(self.tr("Which prompts are listed"))
        self.order.setToolTip(
            self.tr("Most different: by the share of tokens that only one side wrote, then by their probabilities")
        )
        self.order.currentIndexChanged.connect(self._fill)
        self.list = QListWidget()
        self.list.setFont(font("body"))
        self.list.setAccessibleName(self.tr("Prompts"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.currentItemChanged.connect(self._on_current)
        self.save_button = save_button()
        self.body.addLayout(row(heading, None, self.save_button, spacing=0))
        self.body.addWidget(self.order)
        self.body.addWidget(self.list, 1)
        self.order.hide()
        self.save_button.hide()

    def set_turns(self, turns: Sequence[Turn]) -> None:
        """Show these prompts; keeps the current row."""
        self._turns = list(turns)
        self.order.setVisible(any(turn.changed for turn in turns))
        self.save_button.setVisible(any(turn.diffs for turn in turns))
        self._fill()

    def refresh(self, place: int, turn: Turn) -> None:
        """The answers to prompt `place` have changed."""
        item = self._item(place)
        if item is not None:
            self._write(item, place, turn)

    def select(self, place: int) -> None:
        """Make a prompt (or -1, the conversation) the current one without a signal."""
        item = self._item(place)
        self.list.blockSignals(True)
        if item is not None:
            self.list.setCurrentItem(item)
        else:
            self.list.setCurrentRow(-1)
        self.list.blockSignals(False)

    @property
    def places(self) -> list[int]:
        """The prompts' positions as they are listed."""
        kept = list(range(len(self._turns)))
        if self.order.isHidden() or self.order.currentIndex() == IN_ORDER:
            return kept
        kept.sort(key=lambda place: (-(self._turns[place].changed or 0), -self._turns[place].shift))
        if self.order.currentIndex() == ONLY_DIFFERENT:
            kept = [place for place in kept if self._turns[place].mark]
        return kept

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(_PLACE))

    def _fill(self) -> None:
        current = self.list.currentItem()
        place = -1 if current is None else current.data(_PLACE)
        self.list.blockSignals(True)
        self.list.clear()
        talk = QListWidgetItem(self.tr("Your conversation"))
        talk.setData(_PLACE, -1)
        self.list.addItem(talk)
        for own in self.places:
            item = QListWidgetItem()
            item.setData(_PLACE, own)
            item.setToolTip(self._turns[own].prompt)
            self.list.addItem(item)
            self._write(item, own, self._turns[own])
        self.list.setCurrentItem(self._item(place) or talk)
        self.list.blockSignals(False)

    def _item(self, place: int) -> QListWidgetItem | None:
        items = (self.list.item(line) for line in range(self.list.count()))
        return next((item for item in items if item.data(_PLACE) == place), None)

    def _write(self, item: QListWidgetItem, place: int, turn: Turn) -> None:
        first = " ".join(turn.prompt.split())
        mark = turn.mark
        if mark is None:
            text = f"{place + 1}   {first}"
        elif mark == 0:
            text = f"{place + 1} ✓ {first}"
        else:
            share = f"{round(100 * turn.changed)} %  " if turn.changed else ""
            text = f"{place + 1} ≠ {share}{first}"
        if item.text() != text:
            item.setText(text)
            words = {None: self.tr("not answered yet"), 0: self.tr("the same answer")}.get(
                mark, self.tr("parts at token %1").replace("%1", str(mark))
            )
            if turn.changed:
                more = self.tr("%1 of the tokens stand on one side only")
                words = f"{words}, {more.replace('%1', format_percent(turn.changed))}"
            item.setToolTip(f"{words}\n{turn.prompt}")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{place + 1}, {words}, {first}")
