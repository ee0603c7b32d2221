"""Every run as a dot: quality against speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from engine.compare.format import format_percent
from gui.charts.base import Chart, Row, line
from gui.numbers import ratio
from gui.theme.theme import colour, font
from gui.translate import QT_TRANSLATE_NOOP


@dataclass(frozen=True)
class Dot:
    """One run.

    Attributes:
        key: its id, sent when it is clicked.
        name: for the tooltip and the table.
        speedup: times as fast as its original.
        agreement: share of tokens (0 to 1) where it picks what its original picks.
    """

    key: str
    name: str
    speedup: float
    agreement: float


class QualitySpeedChart(Chart):
    """Right is faster, up is closer to the original.

    Signals:
        picked(str): the key of the dot that was clicked.
    """

    title = QT_TRANSLATE_NOOP("Chart", "Quality against speed")
    help = QT_TRANSLATE_NOOP("Chart", "Each dot is a run. Up and to the right is better.")
    picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dots: tuple[Dot, ...] = ()
        self._fastest = 1.2
        self._selected: frozenset[str] = frozenset()
        self._scatter = pg.ScatterPlotItem(size=11, antialias=False, hoverable=True, tip=self._tip)
        self._scatter.sigClicked.connect(self._on_clicked)
        self._original = pg.InfiniteLine(1.0, angle=90, movable=False)
        self.plot.addItem(self._original)
        self.plot.addItem(self._scatter)
        self.plot.setLabel("bottom", self.tr("times as fast as the original"))
        self.plot.setLabel("left", self.tr("agreement, %"))
        self._paint_axes()
        self.recolour()

    def set_dots(self, dots: Sequence[Dot]) -> None:
        """Show these runs."""
        self._dots = tuple(dots)
        self._fastest = max((1.2, *(dot.speedup for dot in dots)))
        self._draw()
        if self._dots:
            shares = [dot.agreement * 100 for dot in self._dots]
            self.plot.setXRange(0, self._fastest * 1.18, padding=0)
            spread = max(2.0, max(shares) - min(shares))
            low, high = max(0.0, min(shares) - 0.15 * spread), max(shares) + 0.2 * spread
            self.plot.setYRange(low, min(100 + 0.12 * spread, high), padding=0)
        self.refresh_table()

    def select(self, keys: Sequence[str]) -> None:
        """Ring these runs."""
        self._selected = frozenset(keys)
        self._draw()

    def recolour(self) -> None:
        """Colour the dots and the line of the original."""
        if hasattr(self, "_original"):
            self._original.setPen(line(colour("original"), dashed=True))
            self._draw()

    def _draw(self) -> None:
        soft = QColor(colour("accent"))
        soft.setAlpha(110)
        self._scatter.setData(
            [
                {
                    "pos": (dot.speedup, dot.agreement * 100),
                    "data": dot,
                    "pen": line(colour("text" if dot.key in self._selected else "accent")),
                    "brush": colour("accent") if dot.key in self._selected else soft,
                }
                for dot in self._dots
            ]
        )
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

    def _tip(self, x: float, y: float, data: Dot) -> str:
        return f"{data.name}\n{ratio(x)}, {format_percent(y / 100)}"

    def _on_clicked(self, _item: object, points: Sequence[pg.SpotItem]) -> None:
        if len(points):
            self.picked.emit(points[0].data().key)

    def headers(self) -> Row:
        """Run, speed, agreement."""
        return (self.tr("run"), self.tr("speed"), self.tr("same token as the original"))

    def rows(self) -> list[Row]:
        """One row per run."""
        return [(dot.name, ratio(dot.speedup), format_percent(dot.agreement)) for dot in self._dots]
