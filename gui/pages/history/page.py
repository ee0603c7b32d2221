"""The History page."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHeaderView, QLineEdit, QMessageBox, QSplitter, QStackedLayout, QTableView, QWidget

from engine.protocol.errors import Failure, UserError
from engine.runs.store import RunStore
from gui.charts import catalog
from gui.charts.quality_speed import Dot, QualitySpeedChart
from gui.document.document import Document
from gui.item_models.rows import ROW_ROLE, RowsModel
from gui.item_models.runs import RunRow, columns, load_rows
from gui.jobs.client import JobRunner
from gui.messages.card import FailureCard
from gui.pages.base import Page
from gui.pages.history.details import Details
from gui.pages.history.export import ExportDialog
from gui.settings.settings import Settings
from gui.widgets.empty import EmptyState
from gui.widgets.frames import Card, column, row
from gui.widgets.tables import sortable_table
from gui.widgets.text import label

Index = QModelIndex | QPersistentModelIndex

MODEL = 1  # this column says something only when there are several models


class HistoryPage(Page):
    """Scatter above, table below, details at the side.

    Attributes:
        table: the model of all runs, newest first.
    """

    title: ClassVar[str] = "History"

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(document, jobs, settings, parent)
        self.table: RowsModel[RunRow] = RowsModel(columns())
        self._store = RunStore()
        self._build()
        self.entered()

    # What other parts of the window may call ------------------------------------------------------------------

    def entered(self) -> None:
        """Read the history anew: runs come and go while other pages are visible."""
        chosen = [row.record.id for row in self.selected()]
        self._store = RunStore()
        rows = load_rows(self._store)
        self.table.reset(rows)
        several = len({row.record.checkpoint_name for row in rows}) > 1
        self.view.setColumnHidden(MODEL, not several)
        self._stack.setCurrentIndex(int(bool(rows)))
        dots = [
            Dot(
                row.record.id,
                f"{row.record.checkpoint_name} · {row.record.name}" if several else row.record.name,
                row.speedup,
                row.agreement,
            )
            for row in rows
            if row.speedup is not None and row.agreement is not None
        ]
        self.scatter.set_dots(dots)
        self.scatter.setVisible(bool(dots))
        self._count.setText(self.tr("1 run") if len(rows) == 1 else self.tr("%n runs", "", len(rows)))
        self.select(*(chosen or [row.record.id for row in rows[:1]]))

    def selected(self) -> list[RunRow]:
        """The selected runs, from top to bottom."""
        model = self.view.selectionModel()
        return [index.data(ROW_ROLE) for index in sorted(model.selectedRows(), key=lambda i: i.row())]

    def select(self, *runs: str) -> None:
        """Select runs by id."""
        model = self.view.selectionModel()
        model.clearSelection()
        for place in range(self.proxy.rowCount()):
            index = self.proxy.index(place, 0)
            if index.data(ROW_ROLE).record.id in runs:
                flags = QItemSelectionModel.SelectionFlag
                model.select(index, flags.Select | flags.Rows)
                model.setCurrentIndex(index, flags.NoUpdate)
        self._on_selected()

    # The page -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter by name, model or recipe"))
        self.filter.setAccessibleName(self.tr("Filter"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setFixedWidth(280)
        self._count = label("", "muted")
        self.card = FailureCard("settings")
        self.card.remedy.connect(self.navigate)
        self.scatter = catalog.make("quality_speed", QualitySpeedChart)
        self.scatter.setMinimumHeight(150)
        self.scatter.picked.connect(lambda run: self.select(run))
        self.view, self.proxy = sortable_table(self.table, self.tr("Runs"))
        self.proxy.setFilterKeyColumn(-1)
        self.filter.textChanged.connect(self.proxy.setFilterFixedString)
        self.view.sortByColumn(len(columns()) - 1, Qt.SortOrder.DescendingOrder)
        self.view.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.view.verticalHeader().setDefaultSectionSize(32)
        header = self.view.horizontalHeader()
        for place in range(3, len(columns())):
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.ResizeToContents)
        for place in range(3):
            header.setSectionResizeMode(place, QHeaderView.ResizeMode.Stretch)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._on_selected())
        self.view.doubleClicked.connect(lambda _: self._reopen())
        QShortcut(QKeySequence.StandardKey.Delete, self.view, self._delete, context=Qt.ShortcutContext.WidgetShortcut)
        self.details = Details()
        self.details.setMinimumWidth(300)
        self.details.compare.connect(self._compare)
        self.details.reopen.connect(self._reopen)
        self.details.rerun.connect(self._rerun)
        self.details.export.connect(self._export)
        self.details.delete.connect(self._delete)
        self.details.jump.connect(lambda run: self.select(run))
        left = QSplitter(Qt.Orientation.Vertical)
        left.setHandleWidth(12)
        left.setChildrenCollapsible(False)
        left.addWidget(self.scatter)
        left.addWidget(Card(self.view, kind="pane", margins=4))
        left.setStretchFactor(0, 2)
        left.setStretchFactor(1, 3)
        left.setSizes([250, 330])
        page = QWidget()
        head = row(label(self.tr("History"), "title"), self._count, None, self.filter, spacing=12)
        body = row(spacing=12)
        body.addWidget(left, 1)
        body.addWidget(self.details)
        layout = column(head, self.card, spacing=12, margins=(24, 12, 24, 16))
        layout.addLayout(body, 1)
        page.setLayout(layout)
        empty = EmptyState(
            "clock",
            self.tr("No runs yet"),
            self.tr(
                "Every run is kept here with its recipe, speed, size and quality. Reopen it, compare it or export it."
            ),
            self.tr("Make the first run"),
            lambda: self.navigate.emit("run" if self.document.checkpoint else "start"),
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(empty)
        self._stack.addWidget(page)

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        """The details take a third at most."""
        self.details.setFixedWidth(max(300, min(380, self.width() // 3)))
        super().resizeEvent(event)

    # Actions --------------------------------------------------------------------------------------------------

    def _on_selected(self) -> None:
        rows = self.selected()
        self.details.setVisible(bool(rows))
        self.scatter.select([row.record.id for row in rows])
        if rows:
            self.details.show_rows(rows, self._store)

    def _compare(self) -> None:
        rows = self.selected()
        if len(rows) == 1:
            record = rows[0].record
            self.document.set_candidates(record.checkpoint, record.id)
        else:
            self.document.set_candidates(*(row.record.id for row in reversed(rows)))
        self.navigate.emit("compare")

    def _reopen(self) -> bool:
        """Load the run's checkpoint and recipe into the document; whether that was possible."""
        rows = self.selected()
        if len(rows) != 1:
            return False
        record = rows[0].record
        self.card.clear()
        try:
            if self.document.checkpoint != record.checkpoint:
                self.document.open_checkpoint(Path(record.checkpoint))
        except UserError as error:
            self.card.show_failure(Failure.of(error))
            return False
        self.document.apply_preset(record.recipe, record.name)
        self.navigate.emit("pipeline")
        return True

    def _rerun(self) -> None:
        if self._reopen():
            self.navigate.emit("run")

    def _export(self) -> None:
        rows = self.selected()
        if len(rows) == 1:
            ExportDialog(rows[0].record.id, self.jobs, self).exec()

    def _delete(self) -> None:
        rows = self.selected()
        if not rows or not self._confirm_delete(rows):
            return
        self.card.clear()
        for row_ in rows:
            try:
                self._store.delete(row_.record.id)
            except (UserError, OSError) as error:
                self.card.show_failure(Failure.of(error))
                break
        self.entered()

    def _confirm_delete(self, rows: list[RunRow]) -> bool:
        names = "\n".join(row.record.name for row in rows[:8])
        answer = QMessageBox.question(
            self,
            self.tr("Delete this run?") if len(rows) == 1 else self.tr("Delete %n runs?", "", len(rows)),
            self.tr("This removes the built model and its measurements from the disk. It cannot be undone.")
            + f"\n\n{names}",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Yes
