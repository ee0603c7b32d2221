"""One measurement of one artefact on several machines: bars with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from engine.compare.format import unit_text
from engine.compare.machines import SideBySide
from engine.metrics.catalog import all_metrics
from engine.protocol.measurement import Measurement
from gui.charts.base import Chart, Reading, Row, line, series_brush, series_colour
from gui.forms.editors import ComboBox
from gui.numbers import MISSING, interval, measured
from gui.theme.theme import colour, font
from gui.translate import QT_TRANSLATE_NOOP, engine_text

# What one bar's unit is worth: seconds are drawn in milliseconds, bytes in MiB.
_SCALES = {"s": (1e-3, "ms"), "B": (float(1 << 20), "MiB")}


class MachinesChart(Chart):
    """A bar for each model on each machine; thin lines are the intervals."""

    title = QT_TRANSLATE_NOOP("Chart", "Machines side by side")
    help = QT_TRANSLATE_NOOP("Chart", "What each machine reached, measured there; thin lines: the interval of each.")
    filled = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: SideBySide | None = None
        self._bars: list[tuple[float, int, int, Measurement]] = []  # place, machine, model, what was measured
        self.measurement = ComboBox()
        self.measurement.setAccessibleName(self.tr("Measurement"))
        self.measurement.currentIndexChanged.connect(lambda _: self._on_chosen())
        self.add_tool(self.measurement)
        self.plot.getAxis("left").setTicks([[]])
        self.plot.setLabel("bottom", " ")
        self._paint_axes()

    def show_machines(self, found: SideBySide) -> None:
        """Draw `found`; the measurement on show stays, if it is still there."""
        self._found = found
        before = self.measurement.currentData()
        self.measurement.blockSignals(True)
        self.measurement.clear()
        for name in dict.fromkeys(one.name for one in found.lines):
            self.measurement.addItem(_title(name), name)
        wanted = self.measurement.findData(before or "decode_tokens_per_second")
        self.measurement.setCurrentIndex(max(0, wanted))
        self.measurement.blockSignals(False)
        self.set_names(found.models)
        self._on_chosen()

    def _on_chosen(self) -> None:
        self.zoom.reset()
        self.recolour()
        self.refresh_table()

    def recolour(self) -> None:
        """Draw every bar."""
        self.crosshair.show(None)
        self.plot.clear()
        found, name = getattr(self, "_found", None), self.measurement.currentData() if hasattr(self, "_found") else None
        if found is None or name is None:
            return
        self._bars, ticks, y, unit = [], [], 0.0, ""
        lines = {one.model: one.values for one in found.lines if one.name == name}
        for machine, title in enumerate(found.machines):
            y -= 0.6
            own = [(model, m) for model, values in lines.items() if (m := values[machine]) is not None]
            ticks.append((y - 0.5 * max(0, len(own) - 1), title))
            for model, m in own:
                unit = m.unit
                self._draw(y, machine, model, m)
                y -= 1.0
        scale, shown = _SCALES.get(unit, (1.0, unit_text(name, unit)))
        longest = max((_end(m) / scale for *_, m in self._bars), default=1.0) or 1.0
        self.plot.getAxis("left").setTicks([ticks])
        self.plot.setLabel("bottom", f"{_title(name)}, {shown}" if shown else _title(name))
        self._paint_axes()
        self.fit((0, longest * 1.4), (y, 0.2))

    def _draw(self, y: float, machine: int, model: int, m: Measurement) -> None:
        scale, _ = _SCALES.get(m.unit, (1.0, ""))
        self.plot.addItem(
            pg.BarGraphItem(
                x0=0, y=y, width=m.value / scale, height=0.8, brush=series_brush(model), pen=line(series_colour(model))
            )
        )
        if m.high > m.low and math.isfinite(m.high - m.low):
            self.plot.plot([m.low / scale, m.high / scale], [y, y], pen=line(colour("text")))
        text = pg.TextItem(f"\u2002{measured(m)}", color=colour("text"), anchor=(0, 0.5))
        text.setFont(font("caption"))
        text.setPos(_end(m) / scale, y)
        self.plot.addItem(text)
        self._bars.append((y, machine, model, m))

    def reading(self, x: float, y: float) -> Reading | None:
        """The bar at `y`."""
        if self._found is None:
            return None
        for at, machine, model, m in self._bars:
            if abs(y - at) <= 0.5:
                scale, _ = _SCALES.get(m.unit, (1.0, ""))
                words = f"{self.name_of(model)}, {self._found.machines[machine]}\n{measured(m)}\n{interval(m)}"
                return Reading(m.value / scale, at, self.marked(model, words))
        return None

    def stops(self) -> Sequence[tuple[float, float]]:
        """The bars from above."""
        return [(0.0, at) for at, *_ in self._bars]

    def headers(self) -> Row:
        """Measurement, model, then a column for each machine."""
        return (self.tr("measurement"), self.tr("model"), *(self._found.machines if self._found else ()))

    def rows(self) -> list[Row]:
        """Every measurement of every model."""
        if self._found is None:
            return []
        return [
            (_title(one.name), self.name_of(one.model), *(measured(m) if m else MISSING for m in one.values))
            for one in self._found.lines
        ]

    def figures(self) -> tuple[Row, Sequence[Sequence[object]]]:
        """Bare numbers: a row for each machine, with the bounds."""
        found = self._found
        heads = ("machine", "model", "measurement", "unit", "value", "low", "high", "confidence", "samples")
        rows = [
            [found.machines[place], self.name_of(one.model), *(getattr(m, key) for key in ("name", *heads[3:]))]
            for one in (found.lines if found else ())
            for place, m in enumerate(one.values)
            if m is not None and found is not None
        ]
        return heads, rows


def _end(m: Measurement) -> float:
    """Where the words about a bar begin."""
    return max(m.value, m.high) if math.isfinite(m.high) else m.value


def _title(name: str) -> str:
    """What the window calls the measurement `name`."""
    spec = all_metrics().get(name)
    return engine_text(spec.title) if spec else name
