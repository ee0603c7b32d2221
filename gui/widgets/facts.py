"""Terms and their values, aligned."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from gui.widgets.frames import clear, column
from gui.widgets.text import ElidedLabel, label

LONGEST_WORD = 22


class Facts(QWidget):
    """A list of (term, value, tooltip) rows; values can be selected and copied.

    `stacked` values stand below their terms, for long ones in narrow places.
    """

    def __init__(self, facts: Iterable[tuple[str, str, str]] = (), *, stacked: bool = False) -> None:
        super().__init__()
        self._stacked = stacked
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self.show_facts(facts)

    def show_facts(self, facts: Iterable[tuple[str, str, str]]) -> None:
        """Replace the rows."""
        clear(self._grid)
        for row, (term, value, tip) in enumerate(facts):
            left = label(term, "muted")
            right: QLabel = label(value, wrap=True, selectable=True)
            if " " not in value and len(value) > LONGEST_WORD:
                right = ElidedLabel(value)  # a word that cannot be broken
                tip = f"{value}\n{tip}"
            left.setToolTip(tip)
            right.setToolTip(tip)
            right.setAccessibleName(f"{term}: {value}")
            if self._stacked:
                self._grid.addLayout(column(left, right, spacing=0), row, 0, 1, 2)
                continue
            self._grid.addWidget(left, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(right, row, 1, Qt.AlignmentFlag.AlignTop)
