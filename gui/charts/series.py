"""How a candidate looks in every chart: by its colour, and for those who see or print none by dashes and hatching."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPixmap

from gui.theme.theme import colour, theme

# In pixels: drawn, left out, …; the optimised model is the unbroken one.
_DASHES: tuple[tuple[float, ...], ...] = ((6, 2), (), (2, 2), (8, 3, 2, 3))
_HATCHES = (
    Qt.BrushStyle.Dense4Pattern, Qt.BrushStyle.SolidPattern, Qt.BrushStyle.BDiagPattern, Qt.BrushStyle.DiagCrossPattern,
)  # fmt: skip
_SWATCH = (22, 10)  # pixels


def line(tint: QColor, *, dashed: bool = False) -> QPen:
    """A one-pixel pen at any scale."""
    pen = QPen(tint, 1)
    pen.setCosmetic(True)
    if dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
    return pen


def series_colour(place: int) -> QColor:
    """The colour of candidate `place`: the original, the optimised, then Okabe-Ito in order."""
    if place == 0:
        return colour("original")
    if place == 1:
        return colour("accent")
    more = theme().tokens.series
    return QColor(more[(place - 2) % len(more)])


def series_pen(place: int) -> QPen:
    """The one-pixel pen of candidate `place`."""
    pen = line(series_colour(place))
    dashes = _DASHES[place % len(_DASHES)]
    if dashes:
        pen.setDashPattern(dashes)
    return pen


def series_brush(place: int) -> QBrush:
    """The filling of candidate `place`'s bars."""
    return QBrush(series_colour(place), _HATCHES[place % len(_HATCHES)])


def swatch(place: int, *, filled: bool, ratio: float = 1.0) -> str:
    """An <img> for rich text: a piece of candidate `place`'s line, or of its bar; `ratio`: the screen's pixel ratio."""
    return _swatch(place, filled, ratio, theme().tokens.name)


@cache
def _swatch(place: int, filled: bool, ratio: float, _scheme: str) -> str:
    width, height = _SWATCH
    picture = QPixmap(round(width * ratio), round(height * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setPen(line(series_colour(place)) if filled else series_pen(place))
    if filled:
        painter.setBrush(series_brush(place))
        painter.drawRect(0, 0, width - 1, height - 1)
    else:
        for y in (height // 2, height // 2 + 1):  # twice as thick as in the picture: it is so short
            painter.drawLine(0, y, width, y)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    coded = bytes(data.toBase64().data()).decode()
    return f'<img src="data:image/png;base64,{coded}" width="{width}" height="{height}">'
