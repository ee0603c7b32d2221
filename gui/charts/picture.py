"""A chart as a file of its own: heading, names and picture, in pixels (PNG) or lines (SVG)."""

from __future__ import annotations

import re
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QTextDocument
from PySide6.QtSvg import QSvgGenerator

from gui.theme.theme import colour, font

FINENESS = 2  # pixels of the PNG for each on the screen
_MARGIN = 8


def save_picture(view: pg.PlotWidget, title: str, legend: str, path: Path) -> None:
    """Write the chart in `view` to `path`: .svg as lines, anything else as PNG. Raises OSError.

    Args:
        legend: what the names look like, as rich text.
    """
    head = QTextDocument()
    head.setDefaultFont(font("body"))
    head.setDefaultStyleSheet(f"* {{ color: {colour('text').name()}; }}")
    head.setHtml(f"<p><b>{title}</b> &nbsp; {legend}</p>")
    head.setTextWidth(view.width() - 2 * _MARGIN)
    top = round(head.size().height())
    size = QSize(view.width(), view.height() + top)
    if path.suffix.lower() == ".svg":
        canvas = QSvgGenerator()
        canvas.setFileName(str(path))
        canvas.setSize(size)
        canvas.setViewBox(QRectF(QPointF(), size.toSizeF()))
        canvas.setTitle(title)
        canvas.setResolution(view.logicalDpiX())  # else what is cached for the screen is drawn at another scale
        _paint(QPainter(canvas), view, head, size, top)
        if not path.is_file():
            raise OSError(f"{path} could not be written")
        drawn = path.read_text(encoding="utf-8")  # where this family is missing, another one without serifs will do
        path.write_text(re.sub(r'font-family="([^",]*)"', r'font-family="\1, sans-serif"', drawn), encoding="utf-8")
        return
    image = QImage(size * FINENESS, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(FINENESS)
    _paint(QPainter(image), view, head, size, top)
    if not image.save(str(path)):
        raise OSError(f"{path} could not be written")


def _paint(painter: QPainter, view: pg.PlotWidget, head: QTextDocument, size: QSize, top: int) -> None:
    painter.fillRect(QRectF(QPointF(), size.toSizeF()), colour("surface"))
    painter.save()
    painter.translate(_MARGIN, 0)
    head.drawContents(painter)
    painter.restore()
    view.render(
        painter,
        QRectF(0, top, view.width(), view.height()),
        view.viewport().rect(),
        Qt.AspectRatioMode.IgnoreAspectRatio,
    )
    painter.end()
