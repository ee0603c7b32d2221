"""Memory of each candidate as bars."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from engine.protocol.measurement import Measurement
from gui.charts.base import Chart, Row, series_colour
from gui.numbers import size
from gui.theme.theme import colour, font
from gui.translate import QT_TRANSLATE_NOOP

KINDS = ("weight_bytes", "peak_rss_bytes", "peak_gpu_bytes")
MIB = 1 << 20


class MemoryChart(Chart):
    """One bar per candidate and kind of memory, the value at its end."""

    title = QT_TRANSLATE_NOOP("Chart", "Memory")
    help = QT_TRANSLATE_NOOP("Chart", "Bytes of the weights, and the peak memory of the process while it ran.")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[tuple[str, int, float]] = []  # kind, candidate, bytes
        self.plot.setLabel("bottom", "MiB")
        self.plot.getAxis("left").setTicks([[]])
        self._paint_axes()

    def set_measurements(self, candidates: Sequence[Sequence[Measurement]]) -> None:
        """Show the memory among each candidate's measurements."""
        self._bars = [
            (kind, place, m.value)
            for kind in KINDS
            for place, measurements in enumerate(candidates)
            for m in measurements
            if m.name == kind
        ]
        self.recolour()
        self.refresh_table()

    def recolour(self) -> None:
        """Draw all bars."""
        self.plot.clear()
        if not getattr(self, "_bars", None):
            return
        longest = max(value for *_, value in self._bars) / MIB
        y, ticks, kind_before = 0.0, [], ""
        for kind, place, value in self._bars:
            if kind != kind_before:
                y -= 0.6
                kind_before = kind
                ticks.append([y - 0.5 * max(0, sum(b[0] == kind for b in self._bars) - 1), self._kind(kind)])
            tint = series_colour(place)
            self.plot.addItem(
                pg.BarGraphItem(x0=0, y=y, width=value / MIB, height=0.8, brush=tint, pen=tint)
            )  # fmt: skip
            text = pg.TextItem(size(value), color=colour("text"), anchor=(0, 0.5))
            text.setFont(font("caption"))
            text.setPos(value / MIB, y)
            self.plot.addItem(text)
            y -= 1.0
        self.plot.getAxis("left").setTicks([[tuple(tick) for tick in ticks]])
        self.plot.setXRange(0, longest * 1.5, padding=0)
        self.plot.setYRange(y, 0.2, padding=0)

    def _kind(self, kind: str) -> str:
        return {
            "weight_bytes": self.tr("weights"),
            "peak_rss_bytes": self.tr("process"),
            "peak_gpu_bytes": self.tr("GPU"),
        }[kind]

    def headers(self) -> Row:
        """Model, kind, bytes."""
        return (self.tr("model"), self.tr("memory"), self.tr("size"))

    def rows(self) -> list[Row]:
        """One row per bar."""
        return [
            (self.names[place] if place < len(self.names) else str(place + 1), self._kind(kind), size(value))
            for kind, place, value in self._bars
        ]
