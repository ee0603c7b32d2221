"""Memory of each candidate: the most it took as bars, and how it grew and fell as lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from engine.protocol.measurement import Measurement
from gui.charts.base import Chart, Reading, Row, line, series_brush, series_colour, series_pen
from gui.forms.editors import ComboBox
from gui.numbers import duration, size
from gui.theme.theme import colour, font
from gui.translate import QT_TRANSLATE_NOOP

KINDS = ("weight_bytes", "peak_rss_bytes", "peak_gpu_bytes")
MIB = 1 << 20

Points = Sequence[tuple[float, int]]


class MemoryChart(Chart):
    """One bar per candidate and kind of memory, the value at its end; or the process's memory over time."""

    title = QT_TRANSLATE_NOOP("Chart", "Memory")
    help = QT_TRANSLATE_NOOP(
        "Chart",
        "Bytes of the weights, and the memory of a fresh process that opens the model and answers once: the most it"
        " held, or what it held when.",
    )
    filled = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[tuple[str, int, float]] = []  # kind, candidate, bytes
        self._places: list[float] = []  # of the bars, along the axis
        self._traces: list[Points] = []
        self.mode = ComboBox()
        self.mode.setAccessibleName(self.tr("What the chart shows"))
        self.mode.addItem(self.tr("at most"), "bars")
        self.mode.addItem(self.tr("over time"), "lines")
        self.mode.currentIndexChanged.connect(lambda _: self._on_mode())
        self.mode.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToContents)
        self.mode.hide()
        self.add_tool(self.mode)
        self.plot.getAxis("left").setTicks([[]])
        self._on_mode()

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

    def set_traces(self, traces: Sequence[Points]) -> None:
        """What each candidate's process held when: seconds since it began, bytes. None hides the choice."""
        self._traces = list(traces) if any(len(trace) > 1 for trace in traces) else []
        self.mode.setVisible(bool(self._traces))
        if not self._traces:
            self.mode.setCurrentIndex(0)
        self.recolour()
        self.refresh_table()

    @property
    def _over_time(self) -> bool:
        return bool(self.mode.currentData() == "lines")

    def _on_mode(self) -> None:
        self.filled = not self._over_time
        self.plot.setLabel("bottom", self.tr("seconds") if self._over_time else "MiB")
        self.plot.setLabel("left", "MiB" if self._over_time else "")
        self.plot.getAxis("left").showLabel(self._over_time)
        self.crosshair.show(None)
        self.zoom.reset()
        self._paint_axes()
        self._write_legend()
        self.recolour()
        self.refresh_table()

    def recolour(self) -> None:
        """Draw all bars, or all lines."""
        self.crosshair.show(None)
        self.plot.clear()
        if not hasattr(self, "mode"):
            return
        if self._over_time:
            self._draw_lines()
        elif self._bars:
            self._draw_bars()

    def _draw_bars(self) -> None:
        longest = max(value for *_, value in self._bars) / MIB
        y, ticks, kind_before = 0.0, [], ""
        self._places = []
        for kind, place, value in self._bars:
            if kind != kind_before:
                y -= 0.6
                kind_before = kind
                ticks.append((y - 0.5 * max(0, sum(b[0] == kind for b in self._bars) - 1), self._kind(kind)))
            self.plot.addItem(
                pg.BarGraphItem(
                    x0=0, y=y, width=value / MIB, height=0.8, brush=series_brush(place), pen=line(series_colour(place))
                )
            )
            text = pg.TextItem(size(value), color=colour("text"), anchor=(0, 0.5))
            text.setFont(font("caption"))
            text.setPos(value / MIB, y)
            self.plot.addItem(text)
            self._places.append(y)
            y -= 1.0
        self.plot.getAxis("left").setTicks([ticks])
        self.fit((0, longest * 1.5), (y, 0.2))

    def _draw_lines(self) -> None:
        self.plot.getAxis("left").setTicks(None)
        for place, trace in enumerate(self._traces):
            if len(trace) > 1:
                seconds, held = np.asarray(trace, np.float64).T
                self.plot.plot(seconds, held / MIB, pen=series_pen(place), antialias=False)
        points = [point for trace in self._traces for point in trace]
        self.fit((0, max(at for at, _ in points) * 1.02), (0, max(held for _, held in points) / MIB * 1.1))

    def _kind(self, kind: str) -> str:
        return {
            "weight_bytes": self.tr("weights"),
            "peak_rss_bytes": self.tr("process"),
            "peak_gpu_bytes": self.tr("GPU"),
        }[kind]

    def reading(self, x: float, y: float) -> Reading | None:
        """The bar at `y`; or what each process held at second `x`."""
        if self._over_time:
            lines = [
                self.marked(place, f"{self.name_of(place)}: {size(held)}")
                for place, trace in enumerate(self._traces)
                if (held := _held(trace, x)) is not None
            ]
            return Reading(x, None, "<br>".join([duration(x), *lines])) if lines else None
        for (kind, place, value), at in zip(self._bars, self._places, strict=False):
            if abs(y - at) <= 0.5:
                return Reading(
                    value / MIB, at, self.marked(place, f"{self.name_of(place)}, {self._kind(kind)}: {size(value)}")
                )
        return None

    def stops(self) -> Sequence[tuple[float, float]]:
        """The bars; over time anywhere."""
        return () if self._over_time else [(0.0, at) for at in self._places]

    def headers(self) -> Row:
        """Model, kind, bytes; over time: time, then a column per candidate."""
        if self._over_time:
            return (self.tr("model"), self.tr("time"), self.tr("memory"))
        return (self.tr("model"), self.tr("memory"), self.tr("size"))

    def rows(self) -> list[Row]:
        """One row per bar, or per reading."""
        if self._over_time:
            return [
                (self.name_of(place), duration(at), size(held))
                for place, trace in enumerate(self._traces)
                for at, held in trace
            ]
        return [(self.name_of(place), self._kind(kind), size(value)) for kind, place, value in self._bars]

    def figures(self) -> tuple[Row, Sequence[Sequence[object]]]:
        """The same as bare numbers."""
        if self._over_time:
            rows = [(self.name_of(p), at, held) for p, trace in enumerate(self._traces) for at, held in trace]
            return (self.tr("model"), "s", "B"), rows
        return (self.tr("model"), self.tr("memory"), "B"), [
            (self.name_of(place), self._kind(kind), round(value)) for kind, place, value in self._bars
        ]


def _held(trace: Points, at: float) -> int | None:
    """Bytes at the reading nearest to second `at`; None outside of the readings."""
    if not trace or not trace[0][0] <= at <= trace[-1][0]:
        return None
    return min(trace, key=lambda point: abs(point[0] - at))[1]
