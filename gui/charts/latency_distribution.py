"""How inter-token latencies are spread."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import QWidget

from engine.protocol.events import Token
from gui.charts.base import Chart, Row, line, series_colour
from gui.numbers import quantity
from gui.translate import QT_TRANSLATE_NOOP

BINS = 48
KEPT = 20_000


class LatencyDistributionChart(Chart):
    """A histogram per candidate on a logarithmic axis of time, so that ×7 and ×1.1 are both seen."""

    title = QT_TRANSLATE_NOOP("Chart", "Latency distribution")
    help = QT_TRANSLATE_NOOP("Chart", "How often each inter-token latency occurred. Narrow and left is good.")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._seconds: list[list[float]] = []
        self._curves: list[pg.PlotDataItem] = []
        self.plot.setLabel("bottom", self.tr("ms, logarithmic"))
        self.plot.setLabel("left", self.tr("share"))
        self.plot.getAxis("left").setStyle(showValues=False)
        self._paint_axes()

    def clear(self) -> None:
        """Begin anew with the same candidates."""
        for seconds, curve in zip(self._seconds, self._curves, strict=True):
            seconds.clear()
            curve.setData([], [])
        self.refresh_table()

    def add(self, tokens: Iterable[Token]) -> None:
        """Take a batch of tokens over and draw once."""
        if self.remember(tokens):
            self._draw()

    def remember(self, tokens: Iterable[Token]) -> bool:
        """Take a batch over without drawing it; whether there was anything to take."""
        new = [token for token in tokens if token.index > 0 and token.seconds > 0]
        for token in new:
            self._reserve(token.candidate)
            self._seconds[token.candidate].append(token.seconds)
        return bool(new)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while the chart was hidden."""
        super().showEvent(event)
        self._draw()

    def set_samples(self, samples: Iterable[Iterable[float]]) -> None:
        """Show these latencies in seconds, one iterable per candidate."""
        self.clear()
        for place, seconds in enumerate(samples):
            self._reserve(place)
            self._seconds[place].extend(s for s in seconds if s > 0)
        self._draw()

    def _reserve(self, place: int) -> None:
        while place >= len(self._seconds):
            self._seconds.append([])
            self._curves.append(self.plot.plot(stepMode="center", fillLevel=0, antialias=False))
            self.recolour()

    def _draw(self) -> None:
        for seconds in self._seconds:
            if len(seconds) > 2 * KEPT:
                del seconds[:-KEPT]
        if not any(self._seconds):
            return
        everything = np.log10(np.concatenate([np.asarray(s, dtype=float) for s in self._seconds]) * 1e3)
        low, high = np.percentile(everything, [0.5, 99.5])
        edges = np.linspace(low - 0.08, high + 0.08, BINS + 1)
        self._mark(edges[0], edges[-1])
        highest = 0.0
        for seconds, curve in zip(self._seconds, self._curves, strict=True):
            if seconds:
                counts, _ = np.histogram(np.log10(np.asarray(seconds) * 1e3), edges)
                curve.setData(edges, counts / len(seconds))
                highest = max(highest, float(counts.max()) / len(seconds))
        self.plot.setYRange(0, highest * 1.08, padding=0)
        self.refresh_table()

    def _mark(self, low: float, high: float) -> None:
        """Ticks at 1, 2, 5, 10, 20 … ms; every step from 1 to 9 where the span is narrow."""
        self.plot.setXRange(low, high, padding=0)
        steps = (1, 2, 5) if high - low > 0.6 else (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
        decades = range(math.floor(low) - 1, math.ceil(high) + 1)
        marks = [step * 10.0**decade for decade in decades for step in steps]
        self.plot.getAxis("bottom").setTicks(
            [[(math.log10(m), f"{m:g}") for m in marks if low <= math.log10(m) <= high]]
        )

    def recolour(self) -> None:
        """Outline and a light filling by candidate."""
        for place, curve in enumerate(self._curves):
            tint = series_colour(place)
            soft = QColor(tint)
            soft.setAlpha(60)
            curve.setPen(line(tint))
            curve.setBrush(soft)

    def headers(self) -> Row:
        """Quantiles in columns."""
        return (self.tr("model"), self.tr("tokens"), "5 %", self.tr("median"), "95 %", "99 %", self.tr("longest"))

    def rows(self) -> list[Row]:
        """One row per candidate."""
        rows = []
        for place, seconds in enumerate(self._seconds):
            if seconds:
                name = self.names[place] if place < len(self.names) else str(place + 1)
                points = [*np.percentile(seconds, [5, 50, 95, 99]), max(seconds)]
                rows.append((name, str(len(seconds)), *(quantity(float(p), "s") for p in points)))
        return rows
