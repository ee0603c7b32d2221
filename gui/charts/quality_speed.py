"""Every run as a dot: quality against speed, and which runs no other one beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from engine.compare.format import format_percent
from gui.charts.base import Chart, Reading, Row, escaped, line
from gui.numbers import ratio
from gui.theme.theme import colour, font
from gui.translate import QT_TRANSLATE_NOOP

NEAR = 14  # pixels from a dot within which the mouse is on it


@dataclass(frozen=True)
class Dot:
    """One run.

    Attributes:
        key: its id, sent when it is clicked.
        name: for the crosshair and the table.
        speedup: times as fast as its original.
        agreement: share of tokens (0 to 1) where it picks what its original picks.
    """

    key: str
    name: str
    speedup: float
    agreement: float


class QualitySpeedChart(Chart):
    """Right is faster, up is closer to the original; the line joins the runs that no other one beats in both.

    Signals:
        picked(str): the key of the dot that was clicked, or that Return was pressed on.
    """

    title = QT_TRANSLATE_NOOP("Chart", "Quality against speed")
    help = QT_TRANSLATE_NOOP(
        "Chart",
        "Each dot is a run; up and to the right is better. The line joins the filled dots: no run is both faster and"
        " closer to its original than one of these.",
    )
    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dots: tuple[Dot, ...] = ()
        self.front: tuple[Dot, ...] = ()
        self._fastest = 1.2
        self._selected: frozenset[str] = frozenset()
        self._scatter = pg.ScatterPlotItem(size=11, antialias=False)
        self._scatter.sigClicked.connect(self._on_clicked)
        self._joined = pg.PlotDataItem(antialias=False)
        self._original = pg.InfiniteLine(1.0, angle=90, movable=False)
        for item in (self._original, self._joined, self._scatter):
            self.plot.addItem(item)
        self.plot.setLabel("bottom", self.tr("times as fast as the original"))
        self.plot.setLabel("left", self.tr("agreement, %"))
        self._paint_axes()
        self.recolour()

    def set_dots(self, dots: Sequence[Dot]) -> None:
        """Show these runs."""
        self._dots = tuple(sorted(dots, key=lambda dot: dot.speedup))
        self.front = pareto(self._dots)
        self._fastest = max((1.2, *(dot.speedup for dot in dots)))
        self._draw()
        if self._dots:
            shares = [dot.agreement * 100 for dot in self._dots]
            spread = max(2.0, max(shares) - min(shares))
            low, high = max(0.0, min(shares) - 0.15 * spread), max(shares) + 0.2 * spread
            self.fit((0, self._fastest * 1.18), (low, min(100 + 0.12 * spread, high)))
        self.refresh_table()

    def select(self, keys: Sequence[str]) -> None:
        """Ring these runs."""
        self._selected = frozenset(keys)
        self._draw()

    def recolour(self) -> None:
        """Colour the dots and the lines."""
        if hasattr(self, "_original"):
            self._original.setPen(line(colour("original"), dashed=True))
            self._joined.setPen(line(colour("accent")))
            self._draw()

    def _draw(self) -> None:
        self.crosshair.show(None)
        self._joined.setData([dot.speedup for dot in self.front], [100 * dot.agreement for dot in self.front])
        self._scatter.setData([self._spot(dot) for dot in self._dots])
        for item in getattr(self, "_labels", []):
            self.plot.removeItem(item)
        self._labels = []
        for dot in self._dots:
            if dot.key in self._selected or len(self._dots) <= 6:
                left = dot.speedup > 0.6 * self._fastest  # no room to its right
                text = f"{dot.name}\u2002\u2002" if left else f"\u2002\u2002{dot.name}"
                label = pg.TextItem(text, color=colour("muted"), anchor=(float(left), 0.5))
                label.setFont(font("caption"))
                label.setPos(dot.speedup, dot.agreement * 100)
                self.plot.addItem(label)
                self._labels.append(label)

    def _spot(self, dot: Dot) -> dict[str, object]:
        """Filled on the front, empty behind it, with a square around it where it is selected."""
        chosen = dot.key in self._selected
        return {
            "pos": (dot.speedup, dot.agreement * 100),
            "data": dot,
            "symbol": "s" if chosen else "o",
            "size": 13 if chosen else 11,
            "pen": line(colour("text" if chosen else "accent")),
            "brush": colour("accent") if dot in self.front else QColor(colour("surface")),
        }

    def reading(self, x: float, y: float) -> Reading | None:
        """The nearest dot, if the mouse is on it."""
        if not self._dots:
            return None
        width, height = self.plot.vb.viewPixelSize()
        places = np.array([(dot.speedup, dot.agreement * 100) for dot in self._dots])
        away = np.hypot((places[:, 0] - x) / width, (places[:, 1] - y) / height)
        nearest = int(away.argmin())
        if away[nearest] > NEAR:
            return None
        dot = self._dots[nearest]
        lines = [dot.name, self.tr("%1 times as fast").replace("%1", ratio(dot.speedup).removeprefix("×"))]
        lines.append(self.tr("%1 the same tokens").replace("%1", format_percent(dot.agreement)))
        if dot in self.front:
            lines.append(self.tr("no run is better in both"))
        return Reading(dot.speedup, dot.agreement * 100, escaped("\n".join(lines)))

    def stops(self) -> Sequence[tuple[float, float]]:
        """The dots from left to right."""
        return [(dot.speedup, dot.agreement * 100) for dot in self._dots]

    def choose(self, x: float, y: float) -> None:
        """Pick the run that the crosshair stands on."""
        dot = next((dot for dot in self._dots if (dot.speedup, dot.agreement * 100) == (x, y)), None)
        if dot is not None:
            self.picked.emit(dot.key)

    def _on_clicked(self, _item: object, points: Sequence[pg.SpotItem]) -> None:
        if len(points):
            self.picked.emit(points[0].data().key)

    def headers(self) -> Row:
        """Run, speed, agreement, on the front or not."""
        return (
            self.tr("run"), self.tr("speed"), self.tr("same token as the original"),
            self.tr("no run is better in both"),
        )  # fmt: skip

    def rows(self) -> list[Row]:
        """One row per run."""
        yes = self.tr("yes")
        return [
            (dot.name, ratio(dot.speedup), format_percent(dot.agreement), yes if dot in self.front else "")
            for dot in self._dots
        ]

    def figures(self) -> tuple[Row, Sequence[Sequence[object]]]:
        """The same as bare numbers."""
        return self.headers(), [(dot.name, dot.speedup, dot.agreement, dot in self.front) for dot in self._dots]


def pareto(dots: Sequence[Dot]) -> tuple[Dot, ...]:
    """Those of `dots` that no other is at least as fast and as close as, and better in one; from slow to fast."""
    found: list[Dot] = []
    for dot in sorted(dots, key=lambda dot: (-dot.speedup, -dot.agreement)):
        if not found or dot.agreement > found[-1].agreement:
            found.append(dot)
        elif (dot.speedup, dot.agreement) == (found[-1].speedup, found[-1].agreement):
            found.append(dot)  # as good as another in both
    return tuple(reversed(found))
