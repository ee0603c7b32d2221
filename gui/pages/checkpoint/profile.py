"""Where the time goes: a profile job, its table and its bars."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from engine.bench.profile import Profile
from engine.protocol.job import ProfileJob
from gui.document.document import Document
from gui.forms.editors import ComboBox
from gui.item_models.profile import BAR, ProfileModel
from gui.item_models.rows import SORT_ROLE
from gui.jobs.client import JobRunner
from gui.numbers import measured
from gui.settings.settings import Settings
from gui.widgets.bars import BarDelegate
from gui.widgets.empty import EmptyState
from gui.widgets.frames import column, row
from gui.widgets.text import label
from gui.widgets.work import Work

# The conditions worth a line; the tooltip has all of them.
_FIRST = ("cpu", "threads", "device", "prompt tokens", "torch", "load average")


class ProfileView(QWidget):
    """Runs the profile of the open checkpoint and shows it.

    Attributes:
        profile: the profile on show, or None.
        work: the job that measures.
    """

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings) -> None:
        super().__init__()
        self._document, self._settings = document, settings
        self.work = Work(jobs, self.start, self)
        self.work.finished.connect(self._on_finished)
        self.work.changed.connect(self._show_parts)
        self.profile: Profile | None = None
        self.model = ProfileModel()
        proxy = QSortFilterProxyModel(self)
        proxy.setSourceModel(self.model)
        proxy.setSortRole(SORT_ROLE)
        self.table = QTableView()
        self.table.setModel(proxy)
        self.table.setSortingEnabled(True)
        self.table.setShowGrid(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(28)
        self.table.setItemDelegateForColumn(BAR, BarDelegate(self.table))
        self.table.setAccessibleName(self.tr("Time, FLOPs and bytes per block"))
        self.summary = label("", "section", wrap=True)
        self.conditions = label("", "caption", wrap=True)
        self.phase = ComboBox()
        self.phase.setAccessibleName(self.tr("Phase"))
        self.phase.addItem(self.tr("one new token (decode)"), True)
        self.phase.addItem(self.tr("reading the prompt (prefill)"), False)
        self.phase.currentIndexChanged.connect(lambda _: self._fill())
        self.head = row(self.summary, self.phase, spacing=12)
        self.head.setStretch(0, 1)
        self.empty = EmptyState(
            "gauge",
            self.tr("Where does the time go?"),
            self.tr("The profile measures every block of the model, so that you know what is worth changing."),
            self.tr("Measure it"),
            self.start,
        )
        cards = (self.work.progress, self.work.failure)
        self.setLayout(column(*cards, self.head, self.conditions, self.table, self.empty, spacing=8, margins=16))
        document.checkpoint_changed.connect(self.forget)
        self._show_parts()

    def start(self) -> None:
        """Measure the open checkpoint."""
        if self._document.checkpoint is not None:
            job = ProfileJob(checkpoint=self._document.checkpoint, threads=self._settings.data.threads)
            self.work.submit(job, self.tr("Measuring every block"))

    def forget(self) -> None:
        """The checkpoint is another one: stop, and show nothing."""
        self.work.cancel()
        self.profile = None
        self.work.failure.clear()
        self._show_parts()

    def _on_finished(self, result: dict[str, Any]) -> None:
        self.profile = Profile.model_validate(result)
        self.phase.setEnabled(self.profile.decode_seconds is not None)
        self._fill()

    def _fill(self) -> None:
        profile = self.profile
        if profile is None:
            return
        self.model.show_profile(profile, decode=bool(self.phase.currentData()))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(BAR, QHeaderView.ResizeMode.Stretch)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        if profile.blocks:
            slowest = max(profile.blocks, key=lambda b: self.model.cost(b).seconds.value)
            whole = profile.decode_seconds if self.model.decode else profile.prefill_seconds
            text = self.tr("%1 takes the most time. The whole model: %2.")
            self.summary.setText(text.replace("%1", slowest.title).replace("%2", measured(whole)))
            self.table.selectRow(profile.blocks.index(slowest))
        told = {key.replace("_", " "): value for key, value in profile.conditions.items()}
        self.conditions.setText(" · ".join(f"{key} {told[key]}" for key in _FIRST if told.get(key) is not None))
        self.conditions.setToolTip("\n".join(f"{key}: {value}" for key, value in told.items()))

    def _show_parts(self) -> None:
        busy, ready = self.work.busy, self.profile is not None
        for part in (self.summary, self.phase, self.conditions, self.table):
            part.setVisible(ready and not busy)
        self.empty.setVisible(not ready and not busy and self.work.failure.failure is None)

    def rows(self) -> int:
        """The number of blocks on show."""
        return self.model.rowCount(QModelIndex())
