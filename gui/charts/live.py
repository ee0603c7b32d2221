"""What the live charts share: one growing line per candidate, drawn at most once a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from engine.protocol.events import Token
from gui.charts.base import Chart, Reading, Row, line, series_colour, series_pen
from gui.charts.buffer import Buffer
from gui.numbers import quantity

WINDOW = 400  # tokens in view per candidate, while the user has not zoomed
STEP = 60  # tokens that the view moves by
KEPT = 100_000  # tokens kept per candidate
LATEST = 32  # tokens whose median the legend shows
LEGEND_MS = 250  # between two figures in the legend: nobody reads faster
DENSE = 1000  # tokens in view from which on dashes would be seen as no dashes, and cost time


class LiveChart(Chart):
    """A line per candidate over its latest tokens: `value_of` each, drawn in `unit` times `factor`.

    All tokens can be reached by panning. What lies in view is drawn, at most a peak and a trough for each pixel.
    """

    legend_inside = True
    live = True
    unit = "s"
    factor = 1.0
    shown_unit = "ms"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: list[Buffer] = []
        self._curves: list[pg.PlotDataItem] = []
        self._touched: set[int] = set()
        self._top = self._highest = 1.0
        self._dense = self._outdated = False
        self._pace = QTimer(self, singleShot=True, interval=LEGEND_MS)
        self._pace.timeout.connect(self._on_pace)
        self.plot.getViewBox().sigXRangeChanged.connect(lambda _, span: self._on_range(span[1] - span[0]))
        self.plot.setLabel("bottom", self.tr("token"))
        self.fit((0, STEP), (0, 1))
        self.show_values(False)
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
        self._top = self._highest = 1.0
        self.crosshair.show(None)
        self.zoom.reset()
        self.pause(False)
        self.fit((0, STEP), (0, 1))
        self.show_values(False)
        self._write_legend()
        self.refresh_table()

    def add(self, tokens: Iterable[Token]) -> None:
        """Take a batch of tokens over and draw once."""
        new: dict[int, list[float]] = {}
        for token in tokens:
            while token.candidate >= len(self._values):
                self._add_line()
            value = self.value_of(token.candidate, token)
            if value is not None:
                new.setdefault(token.candidate, []).append(value)
        for place, values in new.items():
            self._values[place].extend([self.factor * value for value in values])
        self._touched |= new.keys()
        if not self.paused:
            self.draw()

    def draw(self) -> None:
        """Draw what came since the last time."""
        if not self._touched:
            return
        for place in self._touched:
            values = self._values[place]
            first = values.dropped + 1
            self._curves[place].setData(np.arange(first, first + len(values), dtype=np.float64), values.array.copy())
        self._touched = set()
        self.show_values(True)
        self._fit()
        self._outdated = True
        if not self._pace.isActive():
            self._on_pace()
        self.refresh_table()

    def _on_pace(self) -> None:
        """The legend's figures follow at a pace that can be read."""
        if self._outdated:
            self._outdated = False
            self._write_legend()
            self._pace.start()

    def _on_range(self, tokens: float) -> None:
        if self._dense != (tokens > DENSE):
            self._dense = tokens > DENSE
            self.recolour()

    def _fit(self) -> None:
        """Ranges that grow in steps, so that the axes are laid out seldom."""
        longest = max(values.dropped + len(values) for values in self._values)
        right = max(STEP, -(-longest // STEP) * STEP)
        recent = np.concatenate([values.array[-WINDOW:] for values in self._values])
        # One slow token must not flatten everything else: the 98th percentile decides, outliers leave the picture.
        high = float(np.percentile(recent, 98)) * 1.3
        if high > self._top or high < self._top / 2.5 or self._top == 1.0:
            self._top = max(high * 1.1, 1e-9)
        highest = float(recent.max())
        if highest > self._highest or self._highest == 1.0:
            self._highest = 1.3 * highest
        left = min(values.dropped for values in self._values)
        whole = ((left, right), (0, max(self._top, self._highest)))
        self.fit((max(left, right - WINDOW), right), (0, self._top), whole)

    def _add_line(self) -> None:
        curve = self.plot.plot(
            pen=series_pen(len(self._curves)), antialias=False, skipFiniteCheck=True, dynamicRangeLimit=None,
            autoDownsampleFactor=1,
        )  # fmt: skip
        curve.setClipToView(True)  # afterwards: a plot gives its own choice to what is added
        curve.setDownsampling(auto=True, method="peak")
        self._curves.append(curve)
        self.recolour()
        self._values.append(Buffer(KEPT))

    def recolour(self) -> None:
        """Colour the lines by candidate; dashed, where dashes can be seen."""
        for place, curve in enumerate(getattr(self, "_curves", ())):
            curve.setPen(line(series_colour(place)) if self._dense else series_pen(place))

    def reading(self, x: float, y: float) -> Reading | None:
        """Every candidate's value at the nearest token."""
        token = round(x)
        lines = [
            self.marked(place, f"{self.name_of(place)}: {self.figure(values.array[at] / self.factor)}")
            for place, values in enumerate(self._values)
            if 0 <= (at := token - 1 - values.dropped) < len(values)
        ]
        head = self.tr("token %1").replace("%1", str(token))
        return Reading(token, None, "<br>".join([head, *lines])) if lines else None

    def least_step(self) -> float:
        """One token."""
        return 1.0

    def caption(self) -> str:
        """Names with the median of the latest tokens."""
        return " &nbsp; ".join(self.marked(place, f"{self.name_of(place)}: {now}") for place, now in self._now())

    def _now(self) -> list[tuple[int, str]]:
        """Each candidate with values, and the median of its latest."""
        return [
            (place, self.figure(float(np.median(values.array[-LATEST:])) / self.factor))
            for place, values in enumerate(getattr(self, "_values", []))
            if len(values)
        ]

    def _write_legend(self) -> None:
        self.legend.setText(" &nbsp; ".join(f"{self._swatch(place)} <b>{now}</b>" for place, now in self._now()))
        self.legend.setToolTip(" · ".join(self.names))
        self._place_legend()

    def figure(self, value: float) -> str:
        """A value in the legend and beside the crosshair."""
        return quantity(value, self.unit, "tokens")

    @property
    def _width(self) -> int:
        return max(len(self.names), len(self._values))

    def _cell(self, candidate: int, token: int) -> float | None:
        values = self._values[candidate] if candidate < len(self._values) else None
        at = -1 if values is None else token - 1 - values.dropped
        return float(values.array[at]) if values is not None and 0 <= at < len(values) else None

    def headers(self) -> Row:
        """Token number, then a column per candidate."""
        return (self.tr("token"), *(self.name_of(place) for place in range(self._width)))

    def rows(self) -> list[Row]:
        """The latest tokens, newest first."""
        count = max((values.dropped + len(values) for values in self._values), default=0)
        made = []
        for token in range(count, max(0, count - WINDOW), -1):
            cells = (self._cell(candidate, token) for candidate in range(self._width))
            made.append(
                (str(token), *("" if v is None else quantity(v / self.factor, self.unit, "tokens") for v in cells))
            )
        return made

    def figures(self) -> tuple[Row, Sequence[Sequence[object]]]:
        """All tokens, oldest first, as bare numbers in the unit of the axis."""
        names = (f"{self.name_of(place)} [{self.shown_unit}]" for place in range(self._width))
        first = min((values.dropped for values in self._values), default=0)
        last = max((values.dropped + len(values) for values in self._values), default=0)
        rows = [
            [token, *(self._cell(candidate, token) for candidate in range(self._width))]
            for token in range(first + 1, last + 1)
        ]
        return (self.tr("token"), *names), rows
