"""What every chart has: a plot with crosshair and zoom, its table twin, a menu to enlarge it and to take it away."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import ClassVar

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.charts.crosshair import Crosshair, Reading
from gui.charts.hands import Hands
from gui.charts.menu import ChartMenu
from gui.charts.picture import save_picture
from gui.charts.series import line, series_brush, series_colour, series_pen, swatch
from gui.charts.zoom import Zoom
from gui.item_models.rows import Column, RowsModel
from gui.theme.icons import set_icon
from gui.theme.theme import colour, font, theme
from gui.widgets.buttons import icon_button

__all__ = ["Chart", "Reading", "Row", "line", "series_brush", "series_colour", "series_pen"]

# Antialiased or thicker lines froze a window for a minute on a software renderer.
pg.setConfigOptions(antialias=False, useOpenGL=False, enableExperimental=False)

Row = tuple[str, ...]
LEGEND_FROM = 460  # pixels of width
TOOL = 26  # pixels of a button in the heading


class Chart(QFrame):
    """Base of the charts. A subclass fills `self.plot`, tells `fit` what to show, and answers `headers` and `rows`.

    Class attributes:
        title, help: the heading and its tooltip, in English; translated in the context "Chart".
        legend_inside: the legend holds figures that change, and stands in the picture instead of the heading.
        live: the chart grows while models write, and can be paused.
        filled: candidates are bars, not lines.

    Attributes:
        plot: the pyqtgraph plot item.
        names: the candidates' names in order; colours, dashes and hatches follow the position.
        zoom: which part is on show.
        crosshair: the lines through the point under the mouse, with the values there.
        paused: what comes is kept, and drawn when the user goes on.
    """

    title: ClassVar[str] = ""
    help: ClassVar[str] = ""
    legend_inside: ClassVar[bool] = False
    live: ClassVar[bool] = False
    filled = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: tuple[str, ...] = ()
        self.paused = False
        self._values_shown = True
        self.setProperty("kind", "pane")
        self._heading = QLabel(self.translated(self.title))
        self._heading.setFont(font("body", bold=True))
        self._heading.setToolTip(self.translated(self.help))
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setProperty("role", "caption")
        self._view = pg.PlotWidget()
        self._view.setAccessibleName(self.translated(self.title))
        self._view.setFrameShape(QFrame.Shape.NoFrame)
        self.plot: pg.PlotItem = self._view.getPlotItem()
        self.zoom = Zoom(self.plot, self)
        self.crosshair = Crosshair(self._view, self.plot, self)
        self._model: RowsModel[Row] = RowsModel(())
        self._table = QTableView()
        self._table.setTabKeyNavigation(False)
        self._table.setModel(self._model)
        self._table.setAccessibleName(self.tr("%1, as a table").replace("%1", self.translated(self.title)))
        self._table.verticalHeader().hide()
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setShowGrid(False)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._view)
        self._stack.addWidget(self._table)
        self._build()
        Hands(self)
        self._view.installEventFilter(self)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        theme().changed.connect(self._on_theme)
        self._paint_axes()

    # For subclasses -------------------------------------------------------------------------------------------

    def headers(self) -> Row:
        """The table's column titles."""
        return ()

    def rows(self) -> Sequence[Row]:
        """The table's rows: the same numbers as the picture, with units."""
        return ()

    def figures(self) -> tuple[Row, Sequence[Sequence[object]]]:
        """Column titles and rows of the file of numbers; here the table's."""
        return self.headers(), self.rows()

    def reading(self, x: float, y: float) -> Reading | None:
        """What is known at (x, y) in the plot's coordinates; None for nothing."""
        return None

    def stops(self) -> Sequence[tuple[float, float]]:
        """Where the keyboard's crosshair stands, in order; none where it may stand anywhere along the axis."""
        return ()

    def recolour(self) -> None:
        """Give every drawn item its colour anew: the theme or the candidates changed."""

    def least_step(self) -> float:
        """The distance of two neighbours along the axis, where there is a least one."""
        return 0.0

    def draw(self) -> None:
        """Draw what came while the chart was paused."""

    def choose(self, x: float, y: float) -> None:
        """The user pressed Return where the crosshair stands."""

    def fit(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        whole: tuple[tuple[float, float], tuple[float, float]] | None = None,
    ) -> None:
        """Show these ranges, unless the user has zoomed; `whole` is where one can go to, if that is more."""
        self.zoom.fit(x, y, whole)

    def show_values(self, shown: bool) -> None:
        """An empty chart has axes without numbers: there is nothing yet to read off."""
        if self._values_shown != shown:
            self._values_shown = shown
            for side in ("left", "bottom"):
                self.plot.getAxis(side).setStyle(showValues=shown)

    def add_tool(self, tool: QWidget) -> None:
        """Put `tool` into the heading, before the buttons."""
        self._head.insertWidget(self._head.indexOf(self._toggle), tool)

    def marked(self, place: int, text: str) -> str:
        """`text` about candidate `place` as rich text, its mark before it."""
        return f"{self._swatch(place)} {escaped(text)}"

    def caption(self) -> str:
        """Who is who, as rich text."""
        return " &nbsp; ".join(self.marked(place, name) for place, name in enumerate(self.names))

    def name_of(self, place: int) -> str:
        """What candidate `place` is called."""
        return self.names[place] if place < len(self.names) else str(place + 1)

    def translated(self, text: str) -> str:
        """A class attribute's text in the user's language."""
        return QCoreApplication.translate("Chart", text) if text else ""

    # For pages ------------------------------------------------------------------------------------------------

    def set_names(self, names: Sequence[str]) -> None:
        """Name the candidates; the first is the original."""
        self.names = tuple(names)
        self._write_legend()
        self.recolour()

    def show_table(self, shown: bool) -> None:
        """Show the table instead of the picture."""
        self._toggle.setChecked(shown)
        self._stack.setCurrentIndex(int(shown))
        if shown:
            self.refresh_table()

    @property
    def table_shown(self) -> bool:
        """Whether the table is what the user sees."""
        return self._stack.currentIndex() == 1

    def refresh_table(self) -> None:
        """Read the numbers anew, if the table is visible."""
        if self.table_shown:
            columns = [
                Column[Row](title, itemgetter(place), number=place > 0) for place, title in enumerate(self.headers())
            ]
            self._model.reset(self.rows(), columns)
            self._table.resizeColumnsToContents()

    def pause(self, paused: bool) -> None:
        """Hold the picture still, or go on."""
        if not self.live or self.paused == paused:
            return
        self.paused = paused
        title = self.translated(self.title)
        text = self.tr("%1: go on") if paused else self.tr("%1: hold the picture")
        self._pause.setToolTip(text.replace("%1", title))
        self._pause.setAccessibleName(self._pause.toolTip())
        set_icon(self._pause, "play" if paused else "pause", "muted")
        if not paused:
            self.draw()

    def save_csv(self, path: Path) -> None:
        """Write the numbers as CSV (UTF-8, header first)."""
        headers, rows = self.figures()
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(headers)
            writer.writerows(rows)

    def save_picture(self, path: Path) -> None:
        """Write what is on show with heading and names, .svg as lines, anything else as PNG. Raises OSError."""
        self.crosshair.show(None)
        save_picture(self._view, self.translated(self.title), self.caption(), path)

    def enlarge(self) -> None:
        """Open the chart alone in a large window, where it stays alive; closing that puts it back."""
        parent = self.parentWidget()
        if parent is None or isinstance(parent, QDialog):
            return
        gap = QWidget()
        gap.setSizePolicy(self.sizePolicy())
        gap.setMinimumSize(self.size())
        _swap(parent, self, gap)
        dialog = QDialog(self.window())
        dialog.setWindowTitle(self.translated(self.title))
        dialog.resize(parent.window().size() * 0.9)
        inside = QVBoxLayout(dialog)
        inside.setContentsMargins(12, 12, 12, 12)
        inside.addWidget(self)
        highest = self.maximumHeight()
        self.setMaximumHeight(16777215)
        self.show()
        dialog.exec()
        self.setMaximumHeight(highest)
        _swap(parent, gap, self)
        self.show()
        gap.deleteLater()
        dialog.deleteLater()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names stand in the heading only where there is room; the colours mean the same everywhere."""
        super().resizeEvent(event)
        if not self.legend_inside:
            self.legend.setVisible(self.width() >= LEGEND_FROM)

    # Inside ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        title = self.translated(self.title)
        self._toggle = icon_button("grid", self.tr("%1: show as a table").replace("%1", title))
        self._toggle.setCheckable(True)
        self._toggle.toggled.connect(self.show_table)
        self._pause = icon_button("pause", "", lambda: self.pause(not self.paused))
        self._pause.setToolTip(self.tr("%1: hold the picture").replace("%1", title))
        self._pause.setAccessibleName(self._pause.toolTip())
        self._pause.setVisible(self.live)
        self._reset = icon_button("undo", self.tr("%1: show all again").replace("%1", title), self.zoom.reset)
        self._reset.hide()
        self.zoom.changed.connect(self._reset.setVisible)
        head = self._head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(self._heading)
        if self.legend_inside:
            self.legend.setParent(self._view)
            head.addStretch(1)
        else:
            self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            self.legend.setContentsMargins(8, 0, 0, 0)
            head.addWidget(self.legend, 1)
        for tool in (self._toggle, self._reset, self._pause, ChartMenu(self).button):
            tool.setFixedSize(TOOL, TOOL)  # small charts stand beside one another: the heading needs the room
            head.addWidget(tool)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 8)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stack, 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """What stands in the picture follows its size."""
        if event.type() == QEvent.Type.Resize and watched is self._view:
            self._place_legend()
        return super().eventFilter(watched, event)

    def _place_legend(self) -> None:
        """A legend inside the picture stands at its upper right."""
        if self.legend_inside:
            self.legend.adjustSize()
            self.legend.move(max(0, self._view.width() - self.legend.width() - 8), 0)

    def _on_theme(self) -> None:
        self._paint_axes()
        self.crosshair.recolour()
        self._write_legend()
        self.recolour()

    def _paint_axes(self) -> None:
        self._view.setBackground(colour("surface"))
        if self.legend_inside:  # lines that rise as high pass behind it
            self.legend.setStyleSheet(f"background: {colour('surface').name()};")
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(line(colour("border")))
            axis.setTextPen(line(colour("muted")))
            axis.setTickFont(font("caption"))
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickLength=-4, maxTickLevel=0)
            if axis.labelText:
                axis.setLabel(axis.labelText, color=colour("muted").name(), **{"font-size": "11px"})

    def _swatch(self, place: int) -> str:
        return swatch(place, filled=self.filled, ratio=self.devicePixelRatioF())

    def _write_legend(self) -> None:
        self.legend.setText(self.caption())


def escaped(text: str) -> str:
    """`text` as rich text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>")


def _swap(parent: QWidget, old: QWidget, new: QWidget) -> None:
    """Put `new` where `old` is among `parent`'s children."""
    if isinstance(parent, QSplitter):
        parent.replaceWidget(parent.indexOf(old), new)
    elif (layout := parent.layout()) is not None:
        layout.replaceWidget(old, new)
