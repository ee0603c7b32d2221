"""Shares drawn as bars: in a table column, and as one stacked strip."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.theme.theme import colour

SHARE = Qt.ItemDataRole.UserRole + 7  # a float from 0 to 1


class BarDelegate(QStyledItemDelegate):
    """Draws the item's SHARE as a bar in colour `token`, or what it answers, behind nothing and beside no text."""

    def __init__(self, parent: QWidget, token: str | Callable[[], QColor] = "original") -> None:
        super().__init__(parent)
        self.token = token

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw the bar on the item's usual background."""
        super().paint(painter, option, index)
        share = index.data(SHARE)
        if share is None:
            return
        room = option.rect.adjusted(8, 0, -16, 0)
        bar = QRectF(room.x(), room.center().y() - 3, max(2.0, room.width() * float(share)), 7)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self.token) if isinstance(self.token, str) else self.token())
        painter.drawRoundedRect(bar, 2, 2)
        painter.restore()


class Strip(QWidget):
    """Parts of a whole as one strip, 8 pixels high."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[str, float]] = []
        self.setFixedHeight(8)

    def show_parts(self, parts: list[tuple[str, float]], name: str) -> None:
        """`parts` as (token or "#rrggbb", share from 0 to 1); `name` says the same in words."""
        self._parts = parts
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.update()

    def sizeHint(self) -> QSize:
        """Wide and flat."""
        return QSize(160, 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the track, then the parts from the left."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("raised"))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        left = 0.0
        for token, share in self._parts:
            width = self.width() * min(1.0, share)
            painter.setBrush(QColor(token) if token.startswith("#") else colour(token))
            painter.drawRoundedRect(QRectF(left, 0, max(width, 2), self.height()), 4, 4)
            left += width
