"""What the live charts share: one growing line per candidate, drawn at most once a batch."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from engine.protocol.events import Token
from gui.charts.base import Chart, Row, line, series_colour
from gui.numbers import quantity

WINDOW = 400  # tokens in view per candidate
KEPT = 20_000  # tokens kept per candidate for the table


class LiveChart(Chart):
    """A line per candidate over its latest tokens: `value_of` each, drawn in `unit` times `factor`."""

    legend_inside = True
    unit = "s"
    factor = 1.0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: list[list[float]] = []
        self._curves: list[pg.PlotDataItem] = []
        self.plot.setXRange(0, 60, padding=0)
        self.plot.setYRange(0, 1, padding=0)
        self._top = 1.0
        self._show_values(False)
        self._paint_axes()

    def value_of(self, candidate: int, token: Token) -> float | None:
        """What `token` adds to its candidate's line, in `unit`; None for nothing. Here: the time it took.

        The first token of an answer is left out: its time is the TTFT.
        """
        return token.seconds if token.index > 0 else None

    def clear(self) -> None:
        """Begin anew with the same candidates."""
        for values, curve in zip(self._values, self._curves, strict=True):
            values.clear()
            curve.setData([], [])
        self._top = 1.0
        self.plot.setYRange(0, 1, padding=0)
        self.plot.setXRange(0, 60, padding=0)
        self._show_values(False)
        self._write_legend()
        self.refresh_table()

    def add(self, tokens: Iterable[Token]) -> None:
        """Take a batch of tokens over and draw once."""
        touched = set()
        for token in tokens:
            while token.candidate >= len(self._values):
                self._add_line()
            value = self.value_of(token.candidate, token)
            if value is not None:
                self._values[token.candidate].append(value)
                touched.add(token.candidate)
        for place in touched:
            values = self._values[place]
            if len(values) > 2 * KEPT:
                del values[:-KEPT]
            view = np.asarray(values[-WINDOW:]) * self.factor
            self._curves[place].setData(np.arange(len(view)), view)
        if touched:
            self._show_values(True)
            self._fit()
            self._write_legend()
            self.refresh_table()

    def _fit(self) -> None:
        """Ranges that grow in steps, so that the axes are laid out seldom."""
        longest = max(len(values[-WINDOW:]) for values in self._values)
        width = min(WINDOW, max(60, -(-longest // 60) * 60))
        if self.plot.viewRange()[0][1] != width:
            self.plot.setXRange(0, width, padding=0)
        recent = [v for values in self._values for v in values[-WINDOW:]]
        # One slow token must not flatten everything else: the 98th percentile decides, outliers leave the picture.
        high = float(np.percentile(recent, 98)) * self.factor * 1.3
        if high > self._top or high < self._top / 2.5 or self._top == 1.0:
            self._top = max(high * 1.1, 1e-9)
            self.plot.setYRange(0, self._top, padding=0)

    def _show_values(self, shown: bool) -> None:
        """An empty chart has axes without numbers: there is nothing yet to read off."""
        if getattr(self, "_values_shown", None) != shown:
            self._values_shown = shown
            for side in ("left", "bottom"):
                self.plot.getAxis(side).setStyle(showValues=shown)

    def _add_line(self) -> None:
        curve = self.plot.plot(pen=line(series_colour(len(self._curves))), antialias=False, skipFiniteCheck=True)
        self._curves.append(curve)
        self._values.append([])

    def recolour(self) -> None:
        """Colour the lines by candidate."""
        for place, curve in enumerate(self._curves):
            curve.setPen(line(series_colour(place)))

    def _write_legend(self) -> None:
        now = [
            f'<span style="color:{series_colour(place).name()}">■</span> '
            f"<b>{self.figure(statistics.median(values[-32:]))}</b>"
            for place, values in enumerate(getattr(self, "_values", []))
            if values
        ]
        self.legend.setText(" &nbsp; ".join(now))
        self.legend.setToolTip(" · ".join(self.names))
        self._place_legend()

    def figure(self, value: float) -> str:
        """A value in the legend."""
        return quantity(value, self.unit, "tokens")

    def _name(self, place: int) -> str:
        return self.names[place] if place < len(self.names) else str(place + 1)

    @property
    def _width(self) -> int:
        return max(len(self.names), len(self._values))

    def _cell(self, candidate: int, place: int) -> str:
        values = self._values[candidate] if candidate < len(self._values) else []
        return quantity(values[place], self.unit, "tokens") if place < len(values) else ""

    def headers(self) -> Row:
        """Token number, then a column per candidate."""
        return (self.tr("token"), *(self._name(place) for place in range(self._width)))

    def rows(self) -> list[Row]:
        """The latest tokens, newest first."""
        count = max((len(values) for values in self._values), default=0)
        return [
            (
                str(place + 1),
                *(self._cell(candidate, place) for candidate in range(self._width)),
            )
            for place in range(count - 1, max(-1, count - 1 - WINDOW), -1)
        ]
