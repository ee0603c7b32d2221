"""Where the compared models spend their time, part by part: a job under their runtimes' profilers, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QStackedLayout, QWidget

from engine.compare.format import format_percent, format_seconds
from engine.compare.module_times import Grouping, ModuleProfile, PhaseName, rows
from engine.compare.module_words import halves, largest
from engine.protocol.job import ModulesJob
from engine.runs.store import RunStore
from gui.charts.base import series_colour
from gui.forms.editors import ComboBox
from gui.item_models.modules import ModulesModel, half_title, part_title
from gui.jobs.client import JobRunner
from gui.settings.settings import Settings
from gui.widgets.bars import BarDelegate
from gui.widgets.buttons import button
from gui.widgets.empty import EmptyState
from gui.widgets.frames import Card, column, row
from gui.widgets.tables import sortable_table
from gui.widgets.text import ElidedLabel, label
from gui.widgets.work import Work


class ModulesView(QWidget):
    """Profiles the candidates and shows what was found, or what is kept of an earlier time.

    Attributes:
        found: the profile on show, or None.
        model: the table's model.
        work: the job that profiles.
    """

    def __init__(self, jobs: JobRunner, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self.work = Work(jobs, self.start, self)
        self.work.finished.connect(self._on_finished)
        self.work.changed.connect(self._show_parts)
        self._candidates: tuple[str, ...] = ()
        self.found: ModuleProfile | None = None
        self.empty = EmptyState(
            "gauge",
            self.tr("Where does the time go?"),
            self.tr("Every part of the models is timed by their runtimes' own profilers, in a run of its own."),
            self.tr("Measure it"),
            self.start,
        )
        asking, working = QWidget(), QWidget()
        asking.setLayout(column(self.work.failure, self.empty, spacing=8))
        working.setLayout(column(self.work.progress, None))
        self._stack = QStackedLayout(self)
        for page in (asking, working, self._results()):
            self._stack.addWidget(page)
        self._show_parts()

    # For the page ---------------------------------------------------------------------------------------------

    def set_candidates(self, candidates: Sequence[str], run: str | None) -> None:
        """Profile `candidates` from now on; what is kept beside `run` is shown if it is of them."""
        if tuple(candidates) == self._candidates:
            return
        self.work.cancel()
        self._candidates, self.found = tuple(candidates), None
        self.work.failure.clear()
        kept = RunStore().profile(run) if run else None
        if kept is not None:
            found = ModuleProfile.model_validate(kept)
            if {model.reference for model in found.models} <= set(candidates):
                self._show_found(found)
        self._show_parts()

    def start(self) -> None:
        """Measure."""
        if self._candidates and not self.work.busy:
            job = ModulesJob(candidates=self._candidates, threads=self._settings.data.threads)
            self.work.submit(job, self.tr("Measuring every part"))

    # What it shows --------------------------------------------------------------------------------------------

    def _results(self) -> QWidget:
        self.answer, self.told = ElidedLabel("", "strong"), label("", "caption", wrap=True)
        self.phase, self.grouping = ComboBox(), ComboBox()
        self.phase.setAccessibleName(self.tr("Phase"))
        self.grouping.setAccessibleName(self.tr("Rows"))
        names: tuple[tuple[str, Grouping], ...] = (
            (self.tr("parts of all layers together"), "kind"),
            (self.tr("layers"), "layer"),
            (self.tr("every part of every layer"), "part"),
        )
        for text, name in names:
            self.grouping.addItem(text, name)
        for choice in (self.phase, self.grouping):
            choice.currentIndexChanged.connect(lambda _: self._fill())
        self.again_button = button(self.tr("Measure again"), self.start, kind="quiet", icon="refresh")
        self.model = ModulesModel()
        self.view, _ = sortable_table(self.model, self.tr("Time of every part"))
        self.view.verticalHeader().setDefaultSectionSize(24)
        head = row(self.answer, self.phase, self.grouping, self.again_button, spacing=8)
        head.setStretch(0, 1)
        page = QWidget()
        layout = column(head, Card(self.view, kind="pane", margins=4), self.told, spacing=4)
        layout.setStretch(1, 1)
        page.setLayout(layout)
        return page

    def _show_parts(self) -> None:
        failed = self.work.failure.failure is not None
        self._stack.setCurrentIndex(1 if self.work.busy else 2 if self.found is not None and not failed else 0)
        self.empty.setVisible(not failed)

    def _show_found(self, found: ModuleProfile) -> None:
        self.found = found
        self.phase.blockSignals(True)
        self.phase.clear()
        texts = {"decode": self.tr("one new token (decode)"), "prefill": self.tr("reading the prompt (prefill)")}
        for name in found.phases:
            self.phase.addItem(texts[name], name)
        self.phase.blockSignals(False)
        self.phase.setVisible(self.phase.count() > 1)
        self._fill()

    def _fill(self) -> None:
        found = self.found
        if found is None or self.phase.currentData() is None:
            return
        phase: PhaseName = self.phase.currentData()
        self.model.show_profile(found, phase, self.grouping.currentData())
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for place, bar in enumerate(self.model.bars()):
            header.setSectionResizeMode(bar, QHeaderView.ResizeMode.Stretch)
            self.view.setItemDelegateForColumn(bar, BarDelegate(self.view, partial(series_colour, place)))
        self.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.answer.setText(self._answer(found, phase))
        self.told.setText(self._told(found, phase))
        self.told.setToolTip("\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in found.conditions.items()))

    def _answer(self, found: ModuleProfile, phase: PhaseName) -> str:
        """What takes most of each model's time."""
        listed, told = rows(found, phase, "kind"), []
        for place, model in enumerate(found.models):
            most = largest(listed, place)
            if most is not None:
                text = self.tr("%1: most in “%2”, %3").replace("%1", model.name).replace("%2", part_title(most))
                told.append(text.replace("%3", format_percent(most.shares[place] or 0.0)))
        return " · ".join(told)

    def _told(self, found: ModuleProfile, phase: PhaseName) -> str:
        """What the halves of encoder-decoders and the profilers cost, and what else a reader should know."""
        costs, both = [], []
        for place, model in enumerate(found.models):
            shares = [f"{half_title(half)} {format_percent(s)}" for half, s in halves(found, phase, place).items()]
            if shares:
                both.append(f"{model.name}: {', '.join(shares)}.")
        for model in found.models:
            measured = model.phase(phase)
            if measured is not None:
                text = self.tr("%1 %2 instead of %3").replace("%1", model.name)
                text = text.replace("%2", format_seconds(measured.seconds.value))
                costs.append(text.replace("%3", format_seconds(measured.plain.value)))
        text = self.tr("Profilers slow a model down: %1. Comparisons are timed without them.")
        return " ".join([*both, text.replace("%1", ", ".join(costs)), *found.notices])

    # Jobs -----------------------------------------------------------------------------------------------------

    def _on_finished(self, result: dict[str, Any]) -> None:
        self._show_found(ModuleProfile.model_validate(result))
