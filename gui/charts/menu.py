"""The small menu of a chart: open it large, zoom, take picture or numbers away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QToolButton

from gui.charts.zoom import STEP
from gui.widgets.buttons import icon_button

if TYPE_CHECKING:
    from gui.charts.base import Chart


class ChartMenu(QObject):
    """The menu of `chart`.

    Attributes:
        button: opens it.
    """

    def __init__(self, chart: Chart) -> None:
        super().__init__(chart)
        self._chart = chart
        title = chart.translated(chart.title)
        self.button = icon_button("more", self.tr("%1: open large, zoom, save").replace("%1", title))
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.button)
        menu.addAction(self.tr("Open large"), chart.enlarge)
        menu.addSeparator()
        # the keys after the tab are the picture's own; menus show them on the right
        menu.addAction(self.tr("Zoom in") + "\t+", lambda: chart.zoom.by(STEP))
        menu.addAction(self.tr("Zoom out") + "\t−", lambda: chart.zoom.by(1 / STEP))
        menu.addAction(self.tr("Show all") + "\t0", chart.zoom.reset)
        menu.addSeparator()
        picture = self.tr("Save picture")
        menu.addAction(self.tr("Save picture (PNG)…"), lambda: self._ask(picture, ".png", self.tr("Picture (*.png)")))
        menu.addAction(self.tr("Save picture (SVG)…"), lambda: self._ask(picture, ".svg", self.tr("Picture (*.svg)")))
        menu.addAction(
            self.tr("Save numbers (CSV)…"),
            lambda: self._ask(self.tr("Save numbers"), ".csv", self.tr("Table (*.csv)")),
        )
        self.button.setMenu(menu)

    def _ask(self, title: str, suffix: str, kinds: str) -> None:
        name, _ = QFileDialog.getSaveFileName(self._chart, title, "", kinds)
        if not name:
            return
        path = Path(name).with_suffix(suffix)
        try:
            (self._chart.save_csv if suffix == ".csv" else self._chart.save_picture)(path)
        except OSError as error:
            QMessageBox.warning(
                self._chart,
                title,
                self.tr("“%1” could not be written: %2. Choose another folder.")
                .replace("%1", str(path))
                .replace("%2", error.strerror or str(error)),
            )
