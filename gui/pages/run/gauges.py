"""Memory and processor while a job runs: the figure now, and the last minute as a line."""

from __future__ import annotations

from collections import deque

import psutil
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from engine.protocol.events import Gauge
from gui.numbers import size
from gui.theme.theme import colour, follow_theme
from gui.widgets.frames import Card, column, row
from gui.widgets.text import label

SAMPLES = 120  # a minute at two a second


class Trace(QWidget):
    """The latest shares (0 to 1) as a one-pixel line over a light filling."""

    def __init__(self) -> None:
        super().__init__()
        self._shares: deque[float] = deque(maxlen=SAMPLES)
        self.setMinimumHeight(36)
        follow_theme(self, self.update)

    def add(self, share: float) -> None:
        """Append a value."""
        self._shares.append(min(1.0, max(0.0, share)))
        self.update()

    def clear(self) -> None:
        """Forget everything."""
        self._shares.clear()
        self.update()

    def sizeHint(self) -> QSize:
        """Wide and flat."""
        return QSize(160, 36)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the newest at the right edge."""
        painter = QPainter(self)
        room = QRectF(self.rect()).adjusted(0, 2, 0, -1)
        painter.setPen(QPen(colour("border"), 1))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        if len(self._shares) < 2:
            return
        step = room.width() / (SAMPLES - 1)
        left = room.right() - step * (len(self._shares) - 1)
        points = [QPointF(left + step * i, room.bottom() - room.height() * s) for i, s in enumerate(self._shares)]
        soft = QColor(colour("accent"))
        soft.setAlpha(40)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(soft)
        painter.drawPolygon(QPolygonF([QPointF(left, room.bottom()), *points, room.bottomRight()]))
        painter.setPen(QPen(colour("accent"), 1))
        painter.drawPolyline(QPolygonF(points))


class Gauges(Card):
    """Memory, processor and (where there is one) graphics processor."""

    def __init__(self) -> None:
        super().__init__(kind="pane", spacing=4, margins=16)
        self._total = psutil.virtual_memory().total
        self._figures, self._traces, self._rows = {}, {}, {}
        for key, title in (
            ("memory", self.tr("Memory")),
            ("cpu", self.tr("Processor")),
            ("gpu", self.tr("Graphics processor")),
            ("gpu_memory", self.tr("Graphics memory")),
        ):
            figure, trace = label(""), Trace()
            trace.setAccessibleName(title)
            holder = QWidget()
            holder.setLayout(column(row(label(title, "muted"), None, figure), trace, spacing=4))
            self._figures[key], self._traces[key], self._rows[key] = figure, trace, holder
            self.body.addWidget(holder)
        self.body.addStretch(1)
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        for key, trace in self._traces.items():
            trace.clear()
            self._figures[key].setText("–")
        self._rows["gpu"].hide()
        self._rows["gpu_memory"].hide()

    def show_gauge(self, gauge: Gauge) -> None:
        """Add one reading."""
        self._set("memory", gauge.rss_bytes / self._total, self.tr("%1 of %2"), size(gauge.rss_bytes), self._total)
        self._set("cpu", gauge.cpu_percent / 100, f"{gauge.cpu_percent:.0f} %")
        if gauge.gpu_percent is not None:
            self._rows["gpu"].show()
            self._set("gpu", gauge.gpu_percent / 100, f"{gauge.gpu_percent:.0f} %")
        if gauge.gpu_bytes is not None and gauge.gpu_total_bytes:
            self._rows["gpu_memory"].show()
            share = gauge.gpu_bytes / gauge.gpu_total_bytes
            self._set("gpu_memory", share, self.tr("%1 of %2"), size(gauge.gpu_bytes), gauge.gpu_total_bytes)

    def _set(self, key: str, share: float, text: str, now: str = "", total: int = 0) -> None:
        words = text.replace("%1", now).replace("%2", size(total))
        self._figures[key].setText(words)
        self._traces[key].add(share)
        self._traces[key].setAccessibleDescription(words)
