"""One artefact on several machines: the comparison on show beside figures that were exported elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QTableView, QVBoxLayout, QWidget

from engine.compare.machines import Machine, read, side_by_side
from engine.compare.table import Comparison
from engine.protocol.errors import Failure, UserError
from engine.runs.record import RunRecord
from gui.charts import catalog
from gui.charts.machines import MachinesChart
from gui.item_models.rows import Column, RowsModel
from gui.messages.card import FailureCard
from gui.translate import engine_text
from gui.widgets.buttons import button
from gui.widgets.frames import Card, column, row
from gui.widgets.text import label

Row = tuple[str, ...]


class MachinesDialog(QDialog):
    """Table and chart of what each machine reached, and in which conditions they differ.

    Attributes:
        machines: what is shown, in order.
        measurements, conditions: the models of the two tables.
    """

    def __init__(self, machines: Sequence[Machine], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.machines: list[Machine] = []
        self.setWindowTitle(self.tr("Machines side by side"))
        self.resize(1040, 660)
        self._notices = label("", "muted", wrap=True)
        self.card = FailureCard()
        self.chart = catalog.make("machines", MachinesChart)
        self.measurements: RowsModel[Row] = RowsModel(())
        self.conditions: RowsModel[Row] = RowsModel(())
        self._tables = (
            _table(self.measurements, self.tr("Measurements")),
            _table(self.conditions, self.tr("Conditions that differ")),
        )
        parts = [
            column(label(title, "section"), Card(table, kind="pane", margins=4), spacing=4)
            for title, table in zip(
                (self.tr("Measurements"), self.tr("Conditions that differ")), self._tables, strict=True
            )
        ]
        beside = row(spacing=12)
        for part, share in zip(parts, (3, 2), strict=True):
            beside.addLayout(part, share)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 16, 24, 16)
        layout.setSpacing(12)
        for item in (self._notices, self.card, self.chart):
            layout.addWidget(item)
        layout.setStretchFactor(self.chart, 1)
        layout.addLayout(beside, 1)
        more = button(self.tr("Add another machine…"), self._ask, icon="plus")
        layout.addLayout(row(more, None, button(self.tr("Close"), self.accept)))
        self.card.hide()
        self._show([*machines])

    def add(self, files: Sequence[Path]) -> None:
        """Show what `files` hold beside the others; a file that holds no figures is told, and changes nothing."""
        self.card.clear()
        try:
            self._show([*self.machines, *(read(file) for file in files)])
        except UserError as error:
            self.card.show_failure(Failure.of(error))

    def _ask(self) -> None:
        self.add(ask_for_figures(self))

    def _show(self, machines: list[Machine]) -> None:
        found = side_by_side(machines)
        self.machines = machines
        self._notices.setText("\n".join(engine_text(notice) for notice in found.notices))
        self.chart.show_machines(found)
        heads = self.chart.headers()
        _fill(self._tables[0], self.measurements, heads, self.chart.rows())
        rows = [(engine_text(title), *map(engine_text, texts)) for title, texts in found.differing]
        _fill(self._tables[1], self.conditions, (self.tr("condition"), *found.machines), rows)


def ask_for_figures(parent: QWidget) -> list[Path]:
    """The files that the user chose, none when they changed their mind."""
    title = QCoreApplication.translate("MachinesDialog", "Figures from other machines (exported as “Report as JSON”)")
    names, _ = QFileDialog.getOpenFileNames(parent, title, "", "JSON (*.json)")
    return [Path(name) for name in names]


def show_beside(record: RunRecord, comparison: Comparison, parent: QWidget) -> None:
    """Ask for figures from other machines and show the comparison beside them. Raises UserError for other files."""
    files = ask_for_figures(parent)
    if files:
        own = here(record, comparison, QCoreApplication.translate("MachinesDialog", "this machine"))
        MachinesDialog([own, *(read(file) for file in files)], parent).exec()


def here(record: RunRecord, comparison: Comparison, title: str) -> Machine:
    """The comparison on show, as one of the machines."""
    recipe = record.recipe.model_dump(mode="json")
    return Machine(title, record.id, record.checkpoint_name, record.fingerprint, recipe, comparison)


def _table(model: RowsModel[Row], name: str) -> QTableView:
    view = QTableView()
    view.setModel(model)
    view.setAccessibleName(name)
    view.setTabKeyNavigation(False)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(24)
    view.horizontalHeader().setHighlightSections(False)
    view.horizontalHeader().setStretchLastSection(True)
    return view


def _fill(view: QTableView, model: RowsModel[Row], heads: Sequence[str], rows: Sequence[Row]) -> None:
    model.reset(
        rows, [Column[Row](title, itemgetter(place), tip=itemgetter(place)) for place, title in enumerate(heads)]
    )
    view.resizeColumnsToContents()
