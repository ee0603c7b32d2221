"""How inter-token latencies are spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from engine.compare.format import format_number
from engine.protocol.events import Token
from gui.charts.base import Chart, Reading, Row, series_pen
from gui.charts.buffer import Buffer, Floats
from gui.numbers import quantity
from gui.translate import QT_TRANSLATE_NOOP

STEPS = 400  # of a curve; fewer tokens are all drawn
KEPT = 20_000  # tokens per candidate


class LatencyDistributionChart(Chart):
    """The share of tokens that took at most so long, a staircase per candidate (the empirical distribution).

    The axis of time is logarithmic, so that ×7 and ×1.1 are both seen.
    """

    title = QT_TRANSLATE_NOOP("Chart", "Latency distribution")
    help = QT_TRANSLATE_NOOP("Chart", "The share of tokens that took at most so long. Steep and left is good.")
    live = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ms: list[Buffer] = []
        self._curves: list[pg.PlotDataItem] = []
        self.plot.setLabel("bottom", self.tr("at most so many ms"))
        self.plot.setLabel("left", self.tr("% of tokens"))
        self._marked: tuple[float, float] | None = None
        self.show_values(False)
        self._paint_axes()

    def clear(self) -> None:
        """Begin anew with the same candidates."""
        for ms, curve in zip(self._ms, self._curves, strict=True):
            ms.clear()
            curve.setData([], [])
        self.crosshair.show(None)
        self.zoom.reset()
        self.pause(False)
        self.refresh_table()

    def add(self, tokens: Iterable[Token]) -> None:
        """Take a batch of tokens over and draw once."""
        if self.remember(tokens) and not self.paused:
            self.draw()

    def remember(self, tokens: Iterable[Token]) -> bool:
        """Take a batch over without drawing it; whether there was anything to take."""
        new: dict[int, list[float]] = {}
        for token in tokens:
            if token.index > 0 and token.seconds > 0:
                new.setdefault(token.candidate, []).append(1e3 * token.seconds)
        for place, ms in new.items():
            self._reserve(place)
            self._ms[place].extend(ms)
        return bool(new)

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while the chart was hidden."""
        super().showEvent(event)
        if not self.paused:
            self.draw()

    def set_samples(self, samples: Iterable[Iterable[float]]) -> None:
        """Show these latencies in seconds, one iterable per candidate."""
        self.clear()
        for place, seconds in enumerate(samples):
            self._reserve(place)
            self._ms[place].extend([1e3 * s for s in seconds if s > 0])
        self.draw()

    def draw(self) -> None:
        """Draw every candidate's curve."""
        drawn = [ms.array for ms in self._ms if len(ms)]
        if not drawn:
            return
        low, high = np.log10(np.percentile(np.concatenate(drawn), [0.5, 99.5]))
        ends = np.round(np.log10([min(ms.min() for ms in drawn), max(ms.max() for ms in drawn)]), 1)
        for ms, curve in zip(self._ms, self._curves, strict=True):
            if len(ms):
                curve.setData(*_staircase(ms.array))
        self.show_values(True)
        left, right = round(float(low) - 0.08, 2), round(float(high) + 0.08, 2)  # steady while little changes
        whole = ((min(left, float(ends[0]) - 0.1), max(right, float(ends[1]) + 0.1)), (0.0, 108.0))
        self.fit((left, right), (0.0, 108.0), whole)
        if self._marked != whole[0]:
            self._marked = whole[0]
            self._mark(*whole[0], narrow=right - left <= 0.6)
        self.refresh_table()

    def _reserve(self, place: int) -> None:
        while place >= len(self._ms):
            self._ms.append(Buffer(KEPT))
            self._curves.append(self.plot.plot(pen=series_pen(len(self._curves)), antialias=False))

    def _mark(self, low: float, high: float, *, narrow: bool) -> None:
        """Ticks at 1, 2, 5, 10, 20 … ms; every step from 1 to 9 where the span is narrow."""
        steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9) if narrow else (1, 2, 5)
        decades = range(math.floor(low) - 1, math.ceil(high) + 1)
        marks = [step * 10.0**decade for decade in decades for step in steps]
        self.plot.getAxis("bottom").setTicks(
            [[(math.log10(m), f"{m:g}") for m in marks if low <= math.log10(m) <= high]]
        )

    def recolour(self) -> None:
        """A line by candidate."""
        for place, curve in enumerate(self._curves):
            curve.setPen(series_pen(place))

    def reading(self, x: float, y: float) -> Reading | None:
        """The share of each candidate's tokens that took at most as long as `x` says (log10 of milliseconds)."""
        limit = 10.0**x
        lines = []
        for place, ms in enumerate(self._ms):
            if len(ms):
                share = 100 * float((ms.array <= limit).mean())
                lines.append(self.marked(place, f"{self.name_of(place)}: {format_number(share)} %"))
        head = self.tr("at most %1").replace("%1", quantity(limit / 1e3, "s"))
        return Reading(x, None, "<br>".join([head, *lines])) if lines else None

    def headers(self) -> Row:
        """Quantiles in columns."""
        return (self.tr("model"), self.tr("tokens"), "5 %", self.tr("median"), "95 %", "99 %", self.tr("longest"))

    def rows(self) -> list[Row]:
        """One row per candidate."""
        rows = []
        for place, ms in enumerate(self._ms):
            if len(ms):
                points = [*np.percentile(ms.array, [5, 50, 95, 99]), ms.array.max()]
                rows.append((self.name_of(place), str(len(ms)), *(quantity(float(p) / 1e3, "s") for p in points)))
        return rows

    def figures(self) -> tuple[Row, Sequence[Sequence[object]]]:
        """The points of the curves: model, milliseconds, percent of its tokens that took at most so long."""
        rows: list[Sequence[object]] = []
        for place, ms in enumerate(self._ms):
            if len(ms):
                x, y = _staircase(ms.array)
                pairs = zip(10.0 ** x[1::2], y[1::2], strict=True)  # the upper end of each step
                rows += [[self.name_of(place), round(float(a), 6), round(float(b), 4)] for a, b in pairs]
        return (self.tr("model"), "ms", self.tr("% of tokens")), rows


def _staircase(ms: Floats) -> tuple[Floats, Floats]:
    """The empirical distribution of `ms` as a line that rises at each value: log10 of milliseconds, percent."""
    if len(ms) <= STEPS:
        values, shares = np.sort(ms), np.arange(1, len(ms) + 1) / len(ms)
    else:
        shares = np.linspace(0, 1, STEPS)
        values = np.quantile(ms, shares)
    heights = np.repeat(100 * shares, 2)
    return np.repeat(np.log10(values), 2), np.concatenate([[0.0], heights[:-1]])
