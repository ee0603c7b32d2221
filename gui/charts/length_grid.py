"""How much faster requests of each shape are: a heat map of lengths and texts at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QWidget

from engine.compare.format import factor_interval, format_ratio
from engine.compare.table import GridCell
from engine.export.report_grid import sides, strength
from gui.charts.base import Chart, Reading, Row, escaped, line
from gui.forms.editors import ComboBox
from gui.numbers import duration
from gui.theme.theme import colour, font
from gui.translate import QT_TRANSLATE_NOOP

GAP = 0.02


class LengthGridChart(Chart):
    """A field for each prompt length (across), and number of texts at once and of new tokens (upwards): teal is faster,
    the original's colour slower, hatched is not proven. The picture shows one candidate, the table all."""

    title = QT_TRANSLATE_NOOP("Chart", "Speed by length and texts at once")
    help = QT_TRANSLATE_NOOP(
        "Chart", "How many times faster a whole request is; “?” marks what is not proven. Point at a field for more."
    )

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells: tuple[GridCell, ...] = ()
        self.plot.setLabel("bottom", self.tr("prompt tokens"))
        self.plot.setLabel("left", self.tr("new tokens"))
        self.candidate = ComboBox()
        self.candidate.setAccessibleName(self.tr("Model"))
        self.candidate.currentIndexChanged.connect(lambda _: self.recolour())
        self.candidate.hide()
        self.add_tool(self.candidate)
        self._paint_axes()

    def set_cells(self, cells: Sequence[GridCell]) -> None:
        """Show `cells`; none empties the picture."""
        self._cells = tuple(cells)
        self.zoom.reset()
        self.candidate.blockSignals(True)
        self.candidate.clear()
        for place in sorted({cell.candidate for cell in cells}):
            self.candidate.addItem(self.name_of(place), place)
        self.candidate.blockSignals(False)
        self.candidate.setVisible(self.candidate.count() > 1)
        self.recolour()
        self.refresh_table()

    def recolour(self) -> None:
        """Draw every field."""
        self.crosshair.show(None)
        self.plot.clear()
        drawn = self._drawn()
        if not drawn:
            return
        columns, lines = sides(drawn)
        for cell in drawn:
            x, y = columns.index(cell.prompt_tokens), lines.index((cell.batch, cell.new_tokens))
            tint = field_colour(cell)
            self.plot.addItem(
                pg.BarGraphItem(
                    x0=x + GAP, y0=y + GAP, width=1 - 2 * GAP, height=1 - 2 * GAP, brush=_brush(cell, tint),
                    pen=line(colour("border")),
                )
            )  # fmt: skip
            mark = "" if cell.verdict != "not_proven" else " ?"
            text = pg.TextItem(f"{format_ratio(cell.speedup.value)}{mark}", color=_ink(tint), anchor=(0.5, 0.5))
            text.setFont(font("body"))
            text.setPos(x + 0.5, y + 0.5)
            self.plot.addItem(text)
        several = len({batch for batch, _ in lines}) > 1
        self.plot.getAxis("bottom").setTicks([[(place + 0.5, str(prompt)) for place, prompt in enumerate(columns)]])
        self.plot.getAxis("left").setTicks(
            [[(place + 0.5, f"{new} × {batch}" if several else str(new)) for place, (batch, new) in enumerate(lines)]]
        )
        self.plot.setLabel("left", self.tr("new tokens × texts") if several else self.tr("new tokens"))
        self.fit((0, len(columns)), (0, len(lines)))
        self._paint_axes()

    def caption(self) -> str:
        """What the colours say."""
        marks = (
            (colour("accent"), "■", "faster"),
            (colour("original"), "■", "slower"),
            (colour("text"), "▨", "not_proven"),
        )
        words = self._verdicts()
        return " &nbsp; ".join(f'<span style="color:{c.name()}">{mark}</span> {words[key]}' for c, mark, key in marks)

    def _verdicts(self) -> dict[str, str]:
        return {"faster": self.tr("faster"), "slower": self.tr("slower"), "not_proven": self.tr("not proven")}

    def words(self, cell: GridCell) -> str:
        """A field in a sentence, for the tooltip."""
        value, low, high = factor_interval(cell.speedup.value, cell.speedup.low, cell.speedup.high)
        text = self.tr("%1 prompt and %2 new tokens, %3 at once: ×%4 (×%5 to ×%6, 99 % sure), %7 → %8: %9")
        verdict = self._verdicts()[cell.verdict]
        parts = (
            str(cell.prompt_tokens), str(cell.new_tokens), str(cell.batch), value, low, high,
            duration(cell.reference_seconds), duration(cell.seconds), verdict,
        )  # fmt: skip
        for place, part in enumerate(parts, 1):
            text = text.replace(f"%{place}", part)
        return text

    def cell_at(self, x: float, y: float) -> GridCell | None:
        """The field that is drawn at (x, y) in the plot's coordinates."""
        columns, lines = sides(self._drawn())
        place, row = math.floor(x), math.floor(y)
        if not (0 <= place < len(columns) and 0 <= row < len(lines)):
            return None
        wanted = (columns[place], *lines[row])
        return next((c for c in self._drawn() if (c.prompt_tokens, c.batch, c.new_tokens) == wanted), None)

    def headers(self) -> Row:
        """Model, shape, times, factor, verdict."""
        return (
            self.tr("model"), self.tr("prompt tokens"), self.tr("new tokens"), self.tr("texts at once"),
            self.tr("original"), self.tr("this model"), self.tr("factor"), self.tr("99 % interval"), self.tr("verdict"),
        )  # fmt: skip

    def rows(self) -> list[Row]:
        """One row a field."""
        found: list[Row] = []
        for cell in self._cells:
            value, low, high = factor_interval(cell.speedup.value, cell.speedup.low, cell.speedup.high)
            verdict = self._verdicts()[cell.verdict]
            found.append(
                (
                    self.name_of(cell.candidate), str(cell.prompt_tokens), str(cell.new_tokens), str(cell.batch),
                    duration(cell.reference_seconds), duration(cell.seconds), f"×{value}", f"×{low}–×{high}", verdict,
                )
            )  # fmt: skip
        return found

    def reading(self, x: float, y: float) -> Reading | None:
        """The field at (x, y) in a sentence."""
        cell = self.cell_at(x, y)
        return Reading(None, None, escaped(self.words(cell))) if cell else None

    def stops(self) -> Sequence[tuple[float, float]]:
        """The fields, line by line from the top."""
        columns, lines = sides(self._drawn())
        places = ((x + 0.5, y + 0.5) for y in reversed(range(len(lines))) for x in range(len(columns)))
        return [place for place in places if self.cell_at(*place)]

    def _drawn(self) -> list[GridCell]:
        if not hasattr(self, "candidate"):
            return []
        return [cell for cell in self._cells if cell.candidate == self.candidate.currentData()]


def field_colour(cell: GridCell) -> QColor:
    """The surface's colour where nothing is proven, else the more of the meaning's colour the larger the factor."""
    ground = colour("surface")
    if cell.verdict == "not_proven":
        return ground
    share = strength(cell)
    tint = colour("accent") if cell.verdict == "faster" else colour("original")
    return QColor.fromRgbF(*(a + (b - a) * share for a, b in zip(_parts(ground), _parts(tint), strict=True)))


def _parts(tint: QColor) -> tuple[float, float, float]:
    return tint.redF(), tint.greenF(), tint.blueF()


def _brush(cell: GridCell, tint: QColor) -> QBrush:
    if cell.verdict != "not_proven":
        return QBrush(tint)
    return QBrush(colour("border"), Qt.BrushStyle.BDiagPattern)


def _ink(ground: QColor) -> QColor:
    """Black or white, whichever is read more easily on `ground`."""
    light = sum(
        share * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
        for share, part in zip((0.2126, 0.7152, 0.0722), _parts(ground), strict=True)
    )
    return QColor("black") if light > 0.179 else QColor("white")
