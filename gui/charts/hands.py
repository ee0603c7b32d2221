"""Mouse and keyboard on a chart: reading values off, zooming, pausing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QTextDocumentFragment
from PySide6.QtWidgets import QDialog

from gui.charts.zoom import STEP

if TYPE_CHECKING:
    from gui.charts.base import Chart

STRIDE = 1 / 40  # of the picture's width, that one key press moves the crosshair by
PAN = 1 / 4  # of the picture's width, that one key press moves the picture by


class Hands(QObject):
    """What the user does to `chart`'s picture.

    Arrow keys move the crosshair, with Shift the picture; + and − zoom, 0 shows all again; Space holds a live chart,
    Return takes what the crosshair stands on, Escape puts it away. A double click opens the chart large.
    """

    def __init__(self, chart: Chart) -> None:
        super().__init__(chart)
        self._chart, self._view = chart, chart.plot.getViewWidget()
        self._stop = 0
        self._view.installEventFilter(self)
        self._view.viewport().installEventFilter(self)
        chart.plot.scene().sigMouseMoved.connect(self._on_moved)
        self._say("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Whether the event was for the chart alone."""
        kind, chart = event.type(), self._chart
        if kind == QEvent.Type.MouseButtonDblClick and watched is self._view.viewport():
            if not isinstance(chart.parentWidget(), QDialog):
                chart.enlarge()
                return True
        elif kind == QEvent.Type.Leave:
            chart.crosshair.show(None)
        elif kind == QEvent.Type.KeyPress and watched is self._view and isinstance(event, QKeyEvent):
            return self._on_key(event)
        elif kind in (QEvent.Type.FocusIn, QEvent.Type.FocusOut) and watched is self._view:
            chart.setProperty("focused", kind == QEvent.Type.FocusIn)
            chart.style().polish(chart)
        return super().eventFilter(watched, event)

    def _on_key(self, event: QKeyEvent) -> bool:
        """Whether the key was for the chart."""
        chart, key, keys, shown = self._chart, event.key(), Qt.Key, self._chart.crosshair.shown
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (keys.Key_Left, keys.Key_Right):
            way = 1 if key == keys.Key_Right else -1
            chart.zoom.pan(PAN * way) if shift else self._walk(way)
        elif key in (keys.Key_Plus, keys.Key_Equal):
            chart.zoom.by(STEP, shown.x if shown else None)
        elif key == keys.Key_Minus:
            chart.zoom.by(1 / STEP, shown.x if shown else None)
        elif key in (keys.Key_0, keys.Key_Home):
            chart.zoom.reset()
        elif key == keys.Key_Space and chart.live:
            chart.pause(not chart.paused)
        elif key in (keys.Key_Return, keys.Key_Enter) and shown is not None:
            chart.choose(shown.x or 0.0, shown.y or 0.0)
        elif key == keys.Key_Escape and shown is not None:
            chart.crosshair.show(None)
        else:
            return False
        return True

    def _walk(self, way: int) -> None:
        """The crosshair goes to the next place to the right or left, and what stands there is said."""
        chart, stops, shown = self._chart, self._chart.stops(), self._chart.crosshair.shown
        if stops:
            self._stop = (self._stop + way) % len(stops) if shown else 0
            found = chart.reading(*stops[self._stop])
        else:
            (left, right), (low, high) = chart.plot.viewRange()
            x = (left + right) / 2 if shown is None or shown.x is None else shown.x
            moved = x if shown is None else x + way * max(STRIDE * (right - left), chart.least_step())
            found = chart.reading(min(right, max(left, moved)), (low + high) / 2)
        chart.crosshair.show(found)
        self._say(found.text if found else "")

    def _on_moved(self, place: QPointF) -> None:
        box = self._chart.plot.getViewBox()
        inside = box.sceneBoundingRect().contains(place)
        point = box.mapSceneToView(place)
        self._chart.crosshair.show(self._chart.reading(point.x(), point.y()) if inside else None)

    def _say(self, text: str) -> None:
        """Tell a screen reader what the keyboard's crosshair stands on, or how to use it."""
        plain = QTextDocumentFragment.fromHtml(text).toPlainText().replace("\ufffc", "").strip()
        how = self.tr("A picture; arrow keys read values off, “Table” shows the same numbers as text.")
        self._view.setAccessibleDescription(plain or how)
