"""Sentences that are worth knowing but not in the way: one stands there, several are folded behind their number."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.widgets.buttons import button
from gui.widgets.text import label


class Notes(QWidget):
    """Takes no room while there is nothing to tell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = label("", "muted", wrap=True, selectable=True)
        self.unfold = button("", self._toggle, kind="link")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.unfold, 0, Qt.AlignmentFlag.AlignLeft)
        box.addWidget(self.text)
        self._count = 0
        self.show_notes(())

    def show_notes(self, notes: Sequence[str]) -> None:
        """Show `notes`, folded if there are several."""
        self._count = len(notes)
        self.text.setText("\n".join(notes))
        self.setVisible(bool(notes))
        self._fold(len(notes) > 1)

    def _toggle(self) -> None:
        self._fold(self.text.isVisibleTo(self))

    def _fold(self, folded: bool) -> None:
        self.text.setVisible(not folded)
        self.unfold.setVisible(self._count > 1)
        told = self.tr("%n note(s)", "", self._count)
        self.unfold.setText(told + " ▸" if folded else told + " ▾")
