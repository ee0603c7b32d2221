"""How a stage looks: a mark, its name, what it does now, how long it took, and a bar while it runs."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.item_models.rows import ROW_ROLE
from gui.item_models.stages import StageState, detail, timing
from gui.theme.icons import pixmap
from gui.theme.theme import colour, font

HEIGHT = 56
_MARKS = {
    "done": ("check", "good"),
    "cached": ("check", "muted"),
    "failed": ("problem", "bad"),
    "stopped": ("stop", "warn"),
}


class StageDelegate(QStyledItemDelegate):
    """Paints the rows of a StagesModel."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """All rows are equally high."""
        return QSize(200, HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one stage."""
        stage: StageState = index.data(ROW_ROLE)
        place: QRect = option.rect.adjusted(12, 0, -16, 0)
        painter.save()
        self._mark(painter, stage, QRect(place.left(), place.top() + 18, 20, 20), option.widget)
        text = place.adjusted(36, 8, 0, -8)
        right = timing(stage)
        painter.setFont(font("body"))
        taken = painter.fontMetrics().horizontalAdvance(right) + 12 if right else 0
        painter.setPen(colour("muted"))
        painter.drawText(text, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop), right)
        painter.setFont(font("body", bold=stage.state == "running"))
        painter.setPen(colour("muted" if stage.state == "waiting" else "text"))
        name = painter.fontMetrics().elidedText(stage.name, Qt.TextElideMode.ElideRight, text.width() - taken)
        painter.drawText(text, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), name)
        painter.setFont(font("caption"))
        painter.setPen(colour("muted"))
        below = text.adjusted(0, 20, 0, 0)
        words = painter.fontMetrics().elidedText(detail(stage), Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), words)
        if stage.state == "running":
            self._bar(painter, stage, QRectF(text.left(), option.rect.bottom() - 7, text.width(), 4))
        painter.setPen(colour("border"))
        if index.row() < index.model().rowCount() - 1:
            painter.drawLine(place.left(), option.rect.bottom(), place.right(), option.rect.bottom())
        painter.restore()

    def _mark(self, painter: QPainter, stage: StageState, box: QRect, widget: QWidget | None) -> None:
        if stage.state in _MARKS:
            ratio = widget.devicePixelRatioF() if widget else QApplication.primaryScreen().devicePixelRatio()
            painter.drawPixmap(box.left() + 2, box.top() + 2, pixmap(*_MARKS[stage.state], 16, ratio))
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(colour("accent" if stage.state == "running" else "muted"))
        painter.setBrush(colour("accent") if stage.state == "running" else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(box).adjusted(5, 5, -5, -5))

    def _bar(self, painter: QPainter, stage: StageState, room: QRectF) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("raised"))
        painter.drawRoundedRect(room, 2, 2)
        if stage.share:
            painter.setBrush(colour("accent"))
            painter.drawRoundedRect(QRectF(room.left(), room.top(), max(4.0, room.width() * stage.share), 4), 2, 2)
