"""What a page shows before it has anything to show."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QWidget

from gui.theme.icons import pixmap
from gui.theme.theme import follow_theme
from gui.widgets.buttons import button
from gui.widgets.frames import column, row
from gui.widgets.text import label


class EmptyState(QWidget):
    """An icon, what the page will show, and the action that fills it.

    Signals:
        acted: the button was pressed.
    """

    acted = Signal()

    def __init__(
        self, icon: str, title: str, text: str, action: str = "", on_action: Callable[[], object] | None = None
    ) -> None:
        super().__init__()
        self._picture, self._name = QLabel(), icon
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        heading, body = label(title, "section"), label(text, "muted", wrap=True)
        for part in (heading, body):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        body.setFixedWidth(420)
        content = column(None, self._picture, 4, heading, row(None, body, None), spacing=8, margins=24)
        self.button = None
        if action:
            self.button = button(action, self.acted.emit, kind="primary")
            content.addLayout(column(8, row(None, self.button, None)))
            if on_action is not None:
                self.acted.connect(lambda: on_action())
        content.addStretch(1)
        self.setLayout(content)
        follow_theme(self, self._paint)

    def _paint(self) -> None:
        self._picture.setPixmap(pixmap(self._name, "muted", 48, self.devicePixelRatioF()))
