"""A short notice with an optional remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel

from gui.theme.icons import pixmap
from gui.theme.theme import follow_theme
from gui.widgets.buttons import button
from gui.widgets.frames import Card, column, row
from gui.widgets.text import label

Severity = Literal["note", "warning", "problem"]
_ICONS = {"note": ("info", "accent"), "warning": ("warning", "warn"), "problem": ("problem", "bad")}


class Note(Card):
    """A tinted box: icon, one or two sentences, and a button that mends it.

    Signals:
        acted: the button was pressed.
    """

    acted = Signal()

    def __init__(
        self, text: str, severity: Severity = "note", action: str = "", on_action: Callable[[], object] | None = None
    ) -> None:
        super().__init__(kind=severity, margins=12, spacing=8)
        self._icon, self._severity = QLabel(), severity
        self._icon.setFixedSize(16, 16)
        self.text = label(text, wrap=True)
        content = column(self.text, spacing=8)
        self.button = None
        if action:
            self.button = button(action, self.acted.emit)
            content.addLayout(row(self.button, None))
            if on_action is not None:
                self.acted.connect(lambda: on_action())
        line = row(spacing=8)
        line.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(content, 1)
        self.body.addLayout(line)
        self.setAccessibleName(text)
        follow_theme(self, self._paint)

    def _paint(self) -> None:
        name, token = _ICONS[self._severity]
        self._icon.setPixmap(pixmap(name, token, 16, self.devicePixelRatioF()))
