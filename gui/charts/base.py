"""What every chart has: a plot, its table twin, a menu to enlarge and to take the picture or the numbers away."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import ClassVar

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QColor, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.item_models.rows import Column, RowsModel
from gui.theme.theme import colour, font, theme
from gui.widgets.buttons import icon_button

# Antialiased or thicker lines froze a window for a minute on a software renderer.
pg.setConfigOptions(antialias=False, useOpenGL=False, enableExperimental=False)

Row = tuple[str, ...]
LEGEND_FROM = 460  # pixels of width


class Chart(QFrame):
    """Base of the charts. A subclass fills `self.plot` and answers `headers` and `rows`.

    Class attributes:
        title, help: the heading and its tooltip, in English; translated in the context "Chart".
        legend_inside: the legend holds figures that change, and stands in the picture instead of the heading.

    Attributes:
        plot: the pyqtgraph plot item.
        names: the candidates' names in order; colours follow the position.
    """

    title: ClassVar[str] = ""
    help: ClassVar[str] = ""
    legend_inside: ClassVar[bool] = False

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: tuple[str, ...] = ()
        self.setProperty("kind", "pane")
        self._heading = QLabel(self.translated(self.title))
        self._heading.setFont(font("body", bold=True))
        self._heading.setToolTip(self.translated(self.help))
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setProperty("role", "caption")
        self._view = pg.PlotWidget()
        self._view.setAccessibleName(self.translated(self.title))
        self._view.setAccessibleDescription(self.tr("A picture; “Table” shows the same numbers as text."))
        self._view.setFrameShape(QFrame.Shape.NoFrame)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot: pg.PlotItem = self._view.getPlotItem()
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
        self._view.viewport().installEventFilter(self)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        theme().changed.connect(self._on_theme)
        self._paint_axes()

    # For subclasses -------------------------------------------------------------------------------------------

    def headers(self) -> Row:
        """The table's column titles."""
        return ()

    def rows(self) -> Sequence[Row]:
        """The table's rows: the same numbers as the picture, with units."""
        return ()

    def recolour(self) -> None:
        """Give every drawn item its colour anew: the theme or the candidates changed."""

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

    def save_csv(self, path: Path) -> None:
        """Write the table as CSV (UTF-8, header first)."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.headers())
            writer.writerows(self.rows())

    def save_png(self, path: Path) -> None:
        """Write the picture as shown, at twice its size on the screen's pixels. Raises OSError."""
        if not self._view.grab().save(str(path), "PNG"):
            raise OSError(f"{path} could not be written")

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
        self._place_legend()

    def _place_legend(self) -> None:
        """A legend inside the picture stands at its upper right."""
        if self.legend_inside:
            self.legend.adjustSize()
            self.legend.move(max(0, self._view.width() - self.legend.width() - 8), 0)

    # Inside ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        title = self.translated(self.title)
        self._toggle = icon_button("grid", self.tr("%1: show as a table").replace("%1", title))
        self._toggle.setCheckable(True)
        self._toggle.toggled.connect(self.show_table)
        more = icon_button("more", self.tr("%1: open large, save").replace("%1", title))
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(more)
        menu.addAction(self.tr("Open large"), self.enlarge)
        menu.addAction(self.tr("Save picture (PNG)…"), self._ask_png)
        menu.addAction(self.tr("Save numbers (CSV)…"), self._ask_csv)
        more.setMenu(menu)
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._heading)
        if self.legend_inside:
            self.legend.setParent(self._view)
            head.addStretch(1)
        else:
            self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            head.addSpacing(8)
            head.addWidget(self.legend, 1)
        head.addWidget(self._toggle)
        head.addWidget(more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 8)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stack, 1)

    def _ask_png(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self.tr("Save picture"), "", self.tr("Picture (*.png)"))
        if path:
            self.save_png(Path(path).with_suffix(".png"))

    def _ask_csv(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self.tr("Save numbers"), "", self.tr("Table (*.csv)"))
        if path:
            self.save_csv(Path(path).with_suffix(".csv"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A double click on the picture opens it large."""
        if event.type() == QEvent.Type.MouseButtonDblClick and not isinstance(self.parentWidget(), QDialog):
            self.enlarge()
            return True
        return super().eventFilter(watched, event)

    def _on_theme(self) -> None:
        self._paint_axes()
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

    def _write_legend(self) -> None:
        parts = (
            f'<span style="color:{series_colour(place).name()}">■</span> {_escaped(name)}'
            for place, name in enumerate(self.names)
        )
        self.legend.setText(" &nbsp; ".join(parts))


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


def _swap(parent: QWidget, old: QWidget, new: QWidget) -> None:
    """Put `new` where `old` is among `parent`'s children."""
    if isinstance(parent, QSplitter):
        parent.replaceWidget(parent.indexOf(old), new)
    elif (layout := parent.layout()) is not None:
        layout.replaceWidget(old, new)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
