"""Lines through the point under the mouse or chosen by keyboard, and what the chart says there."""

from __future__ import annotations

from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import QObject, QPointF, QSize, Qt
from PySide6.QtWidgets import QLabel

from gui.charts.series import line
from gui.theme.theme import colour, font

GAP = 10  # pixels between the lines and the words


@dataclass(frozen=True)
class Reading:
    """What is known at a place of a chart.

    Attributes:
        x, y: where the lines cross; None for no such line.
        text: the values with units, as rich text.
    """

    x: float | None
    y: float | None
    text: str


class Crosshair(QObject):
    """Shows readings in `view`.

    Attributes:
        shown: the reading on show, or None.
    """

    def __init__(self, view: pg.PlotWidget, plot: pg.PlotItem, parent: QObject) -> None:
        super().__init__(parent)
        self.shown: Reading | None = None
        self._view, self._plot = view, plot
        self._lines = (pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=0))
        self._label = QLabel(view)
        self._label.setTextFormat(Qt.TextFormat.RichText)
        self._label.setFont(font("caption"))
        self._label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._label.hide()
        self.recolour()

    def show(self, reading: Reading | None) -> None:
        """Show `reading`, or nothing."""
        if reading == self.shown:
            return
        self.shown = reading
        for item, at in zip(self._lines, (reading.x, reading.y) if reading else (None, None), strict=True):
            if at is None:
                if item.scene() is not None:
                    self._plot.removeItem(item)
                continue
            item.setPos(at)
            if item.scene() is None:
                self._plot.addItem(item, ignoreBounds=True)
        self._label.setVisible(reading is not None)
        if reading is not None:
            self._label.setText(reading.text)
            self._place(reading)

    def recolour(self) -> None:
        """The theme is another."""
        for item in self._lines:
            item.setPen(line(colour("muted"), dashed=True))
            item.setZValue(50)
        self._label.setStyleSheet(
            f"background: {colour('raised').name()}; color: {colour('text').name()}; padding: 4px 6px;"
            f"border: 1px solid {colour('border').name()}; border-radius: 4px;"
        )

    def _place(self, reading: Reading) -> None:
        """The words stand beside the lines, on the side that has room."""
        box = self._plot.getViewBox()
        area = box.sceneBoundingRect()
        left, top = area.left(), area.top()
        at = box.mapViewToScene(QPointF(reading.x or 0.0, reading.y or 0.0))
        x = at.x() if reading.x is not None else left
        y = at.y() if reading.y is not None else top
        self._label.setWordWrap(False)
        size = self._label.sizeHint()
        room = max(120, self._view.width() - 2 * GAP)
        if size.width() > room:
            self._label.setWordWrap(True)
            size = QSize(room, self._label.heightForWidth(room))
        self._label.resize(size)
        if x + GAP + size.width() > self._view.width():
            x = max(0.0, x - 2 * GAP - size.width())
        y = y + GAP if y + GAP + size.height() <= self._view.height() else y - GAP - size.height()
        self._label.move(int(x + GAP), int(max(0.0, y)))
        self._label.raise_()
