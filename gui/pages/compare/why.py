"""Where the difference to the original arises and which pass caused it: a job, its waterfall and its layers."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHeaderView, QStackedLayout, QWidget

from engine.compare.explanation import Explanation, Layer
from engine.compare.format import format_number
from engine.protocol.job import ExplainJob
from engine.runs.record import RunRecord
from engine.runs.store import RunStore
from gui.charts import catalog
from gui.charts.waterfall import WaterfallChart
from gui.document.document import Document
from gui.item_models.explanation import (
    ERROR_BAR,
    WON,
    WON_BAR,
    LayersModel,
    layer_title,
    step_name,
    unit_of,
)
from gui.item_models.rows import ROW_ROLE
from gui.jobs.client import JobRunner
from gui.settings.settings import Settings
from gui.widgets.bars import BarDelegate
from gui.widgets.buttons import button
from gui.widgets.frames import Card, column, row
from gui.widgets.tables import sortable_table
from gui.widgets.text import ElidedLabel, label
from gui.widgets.work import Work


class WhyView(QWidget):
    """Explains one run: asks the engine, shows what it found, and what is kept with the run.

    Attributes:
        run: the run in question, or None.
        found: the explanation on show, or None.
        work: the job that asks.

    Signals:
        navigate(str): asks for another page.
    """

    navigate = Signal(str)

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings) -> None:
        super().__init__()
        self._document, self._settings = document, settings
        self.work = Work(jobs, self.start, self)
        self.work.finished.connect(self._on_finished)
        self.work.changed.connect(self._show_parts)
        self.run: RunRecord | None = None
        self.found: Explanation | None = None
        self._stack = QStackedLayout(self)
        for page in (self._nothing(), self._working(), self._results()):
            self._stack.addWidget(page)
        document.recipe_changed.connect(self._on_recipe_changed)
        self._show_parts()

    # For the page ---------------------------------------------------------------------------------------------

    def set_run(self, run: RunRecord | None) -> None:
        """Explain `run` from now on; what was found before is kept with it and shown at once."""
        if run is not None and self.run is not None and run.id == self.run.id:
            return
        self.work.cancel()
        self.run, self.found = run, None
        self.work.failure.clear()
        kept = None if run is None else RunStore().explanation(run.id)
        if kept is not None:
            self._show_found(Explanation.model_validate(kept))
        self._show_parts()

    def start(self) -> None:
        """Find out."""
        if self.run is not None and not self.work.busy:
            job = ExplainJob(run=self.run.id, speed=self.speed.isChecked(), threads=self._settings.data.threads)
            self.work.submit(job, self.tr("Finding out where the difference comes from"))

    @property
    def layer(self) -> Layer | None:
        """The layer that is selected in the table."""
        picked = self.view.selectionModel().selectedRows()
        return picked[0].data(ROW_ROLE) if picked else None

    # Its three faces ------------------------------------------------------------------------------------------

    def _nothing(self) -> QWidget:
        heading = label(self.tr("Where does the difference come from?"), "section")
        self._told = label("", "muted", wrap=True)
        for part in (heading, self._told):
            part.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._told.setFixedWidth(560)
        self.start_button = button(self.tr("Find out"), self.start, kind="primary", icon="search")
        self.speed = QCheckBox(self.tr("Time every step too"))
        self.speed.setToolTip(
            self.tr("Builds every step's model for the run's runtime and times them in turn, which takes longer")
        )
        self.back_button = button(self.tr("Show what was found"), self._back, kind="quiet")
        asking = row(None, self.start_button, self.speed, None, spacing=16)
        self._asking = QWidget()
        self._asking.setLayout(column(None, heading, row(None, self._told, None), 4, asking, None, spacing=8))
        return Card(self.work.failure, self._asking, row(None, self.back_button, None), kind="pane", margins=12)

    def _working(self) -> QWidget:
        page = QWidget()
        page.setLayout(column(self.work.progress, None))
        return page

    def _results(self) -> QWidget:
        self.answer = ElidedLabel("", "strong")
        self.keep_button = button(self.tr("Keep this layer in higher precision"), self._keep)
        self.undo_button = button(self.tr("Undo"), self._undo, kind="quiet")
        self.pipeline_button = button(self.tr("Go to Pipeline"), lambda: self.navigate.emit("pipeline"), kind="quiet")
        self.again_button = button(self.tr("Find out again"), self._ask_again, kind="quiet", icon="refresh")
        self.chart = catalog.make("waterfall", WaterfallChart)
        self.model = LayersModel()
        self.view, _ = sortable_table(self.model, self.tr("Layers and what they cost"))
        self.view.verticalHeader().setDefaultSectionSize(24)
        self.view.setSelectionMode(self.view.SelectionMode.SingleSelection)
        self.view.setItemDelegateForColumn(ERROR_BAR, BarDelegate(self.view))
        self.view.setItemDelegateForColumn(WON_BAR, BarDelegate(self.view, "accent"))
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._show_action())
        self.no_layers = label("", "muted", wrap=True)
        self.no_layers.setAlignment(Qt.AlignmentFlag.AlignCenter)
        head = row(self.answer, self.undo_button, self.pipeline_button, self.keep_button, self.again_button, spacing=8)
        head.setStretch(0, 1)
        body = row(spacing=12)
        body.addWidget(self.chart, 5)
        body.addWidget(Card(self.no_layers, self.view, kind="pane", margins=4), 6)
        page = QWidget()
        layout = column(head, body, spacing=4)
        layout.setStretch(1, 1)
        page.setLayout(layout)
        return page

    # What it shows --------------------------------------------------------------------------------------------

    def _show_parts(self) -> None:
        failed = self.work.failure.failure is not None
        self._stack.setCurrentIndex(1 if self.work.busy else 2 if self.found is not None and not failed else 0)
        self._asking.setVisible(not failed)
        self.start_button.setVisible(self.run is not None)
        self.speed.setVisible(self.run is not None)
        self.back_button.setVisible(self.found is not None)
        if self.run is None:
            self._told.setText(self.tr("Choose a run above: the steps of its recipe and its layers are then examined."))
        else:
            text = self.tr(
                "Every step of “%1” is measured against the original, then each layer alone is set back to the "
                "original's weights. That takes minutes for a large model, and runs in the background."
            )
            self._told.setText(text.replace("%1", self.run.name))

    def _show_found(self, found: Explanation) -> None:
        self.found = found
        self.chart.show_explanation(found)
        self.model.show_layers(found)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for bar in (ERROR_BAR, WON_BAR):
            header.setSectionResizeMode(bar, QHeaderView.ResizeMode.Stretch)
        self.view.sortByColumn(WON, Qt.SortOrder.DescendingOrder)
        self.view.setVisible(bool(found.layers))
        self.no_layers.setVisible(not found.layers)
        self.no_layers.setText(found.layers_note)
        if found.layers:
            self.view.selectRow(0)
        self.answer.setText(self._answer(found))
        self.undo_button.hide()
        self.pipeline_button.hide()
        self._show_action()

    def _answer(self, found: Explanation) -> str:
        """The question's answer in one or two sentences."""
        step, layer, unit = found.worst_step, found.worst_layer, unit_of(found)
        if step is None:
            return self.tr("No step moved the model away from its original.")
        text = self.tr("“%1” costs most: %2 of %3 %4.")
        alike = sum(other.name == step.name for other in found.steps) > 1  # then its options tell them apart
        name = step_name(step if alike else step.model_copy(update={"detail": ""}))
        parts = (name, format_number(step.loss.value), format_number(found.loss), unit)
        for place, part in enumerate(parts, 1):
            text = text.replace(f"%{place}", part)
        if layer is None or layer.won_back is None:
            return text
        more = self.tr("%1 matters most: restoring it alone wins back %2.").replace("%1", layer_title(layer))
        return f"{text} {more.replace('%2', format_number(layer.won_back.value))}"

    def _show_action(self) -> None:
        """Whether the selected layer can be kept in higher precision, and if not, why."""
        layer = self.layer
        self.keep_button.setVisible(bool(self.found and self.found.layers))
        quantizes = any(entry.name == "quantize" and entry.enabled for entry in self._document.recipe.passes)
        why_not = ""
        if not quantizes:
            why_not = self.tr("The recipe in the pipeline rounds no weights")
        elif layer is None:
            why_not = self.tr("Choose a layer in the table")
        elif layer.state == "dropped":
            why_not = self.tr("This layer was dropped: it has no weights any more")
        self.keep_button.setEnabled(not why_not)
        self.keep_button.setToolTip(why_not or self.tr("Leave it out of the quantization in the pipeline"))

    def _on_recipe_changed(self) -> None:
        """Undo would take another edit back now."""
        self.undo_button.hide()
        self._show_action()

    # What is done ---------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        layer = self.layer
        if layer is None:
            return
        title = layer_title(layer)
        changed = self._document.keep_precise(layer.pattern, title)
        text = (
            self.tr("%1 is left out of the quantization now. Run the recipe again to see what it gives.")
            if changed
            else self.tr("%1 is left out of the quantization already.")
        )
        self.answer.setText(text.replace("%1", title))
        self.undo_button.setVisible(changed)
        self.pipeline_button.show()

    def _undo(self) -> None:
        self._document.undo_stack.undo()
        self.undo_button.hide()
        self.pipeline_button.hide()
        if self.found is not None:
            self.answer.setText(self._answer(self.found))

    def _ask_again(self) -> None:
        """Show the question again, with its option."""
        self._stack.setCurrentIndex(0)
        self.back_button.show()
        self.start_button.setFocus()

    def _back(self) -> None:
        self.work.failure.clear()
        self._show_parts()

    def _on_finished(self, result: dict[str, Any]) -> None:
        self._show_found(Explanation.model_validate(result))
