"""The Run page."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListView, QPlainTextEdit, QPushButton, QStackedLayout, QWidget

from engine.passes import catalog as passes
from engine.protocol.errors import Failure, UserError
from engine.protocol.events import Event, Gauge, Log, Progress, StageChanged
from engine.protocol.job import RunJob
from engine.runtimes import catalog as runtimes
from gui.document.document import Document
from gui.item_models.runs import recipe_line
from gui.item_models.stages import StagesModel
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle
from gui.messages.card import FailureCard
from gui.pages.base import Page
from gui.pages.run.delegate import HEIGHT, StageDelegate
from gui.pages.run.gauges import Gauges
from gui.pages.run.result import ResultCard
from gui.settings.settings import Settings
from gui.theme.theme import font
from gui.translate import engine_text
from gui.widgets.buttons import button
from gui.widgets.empty import EmptyState
from gui.widgets.frames import Card, column, row
from gui.widgets.text import ElidedLabel, label

LOG_LINES = 5000


class RunPage(Page):
    """One row per stage, gauges beside it, the log folded away below.

    Attributes:
        handle: the run in progress or the last one, or None.
    """

    title: ClassVar[str] = "Run"

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(document, jobs, settings, parent)
        self.handle: Handle | None = None
        self._began = 0.0
        self._trust = False
        self.stages = StagesModel()
        self._build()
        document.checkpoint_changed.connect(self._on_checkpoint)
        document.recipe_changed.connect(self._on_document)
        self._on_document()

    # What other parts of the window may call ------------------------------------------------------------------

    def start(self) -> None:
        """Run the document's recipe on its checkpoint; does nothing while a run is in progress or nothing is open."""
        if self.running or self.document.checkpoint is None:
            return
        self._begin(
            RunJob(checkpoint=self.document.checkpoint, recipe=self.document.recipe, trust_remote_code=self._trust)
        )

    def cancel(self) -> None:
        """Stop the run in progress; finished stages are kept."""
        if self.handle is not None:
            self.jobs.cancel(self.handle)

    @property
    def running(self) -> bool:
        """Whether a run is queued or in progress."""
        return self.handle is not None and not self.handle.ended

    # The page -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._title = ElidedLabel("", "title")
        self._line = ElidedLabel("", "muted")
        self.cancel_button = button(self.tr("Cancel"), self.cancel, icon="stop")
        self.cancel_button.setToolTip(self.tr("Stop. Finished stages are kept, and the next run goes on from there."))
        self.list = QListView()
        self.list.setModel(self.stages)
        self.list.setItemDelegate(StageDelegate(self.list))
        self.list.setSelectionMode(QListView.SelectionMode.NoSelection)
        self.list.setAccessibleName(self.tr("Stages"))
        self.gauges = Gauges()
        self.gauges.setFixedWidth(272)
        self.card = FailureCard(
            "retry", "resume", "settings", "free_space", "open_pipeline", "choose_folder", "trust_code"
        )
        self.card.remedy.connect(self._on_remedy)
        self.result = ResultCard()
        self.result.compare.connect(self._on_compare)
        self.result.export.connect(self._on_export)
        self._notice = label("", "muted", wrap=True)
        self._notice.hide()
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setMaximumBlockCount(LOG_LINES)
        self.log.setFont(font("caption", mono=True))
        self.log.setAccessibleName(self.tr("Log"))
        self.log.setMinimumHeight(120)
        self.log.hide()
        self.log_button = QPushButton(self.tr("Show log"))
        self.log_button.setProperty("kind", "quiet")
        self.log_button.setCheckable(True)
        self.log_button.toggled.connect(self._on_log)
        self._stages_card = Card(self.list, kind="pane", margins=4)
        self.stages.modelReset.connect(self._fit)
        body = row(spacing=16)
        left = column(self._stages_card, self.log, row(self.log_button, None), None, spacing=8)
        for place, share in enumerate((3, 2)):  # stages and log take the room before any is left empty
            left.setStretch(place, share)
        body.addLayout(left, 1)
        body.addWidget(self.gauges, 0, Qt.AlignmentFlag.AlignTop)
        page = QWidget()
        head = row(spacing=8)
        head.addLayout(column(self._title, self._line, spacing=4), 1)
        head.addWidget(self.cancel_button)
        layout = column(head, self.card, self.result, self._notice, spacing=12, margins=(24, 16, 24, 16))
        layout.addLayout(body, 1)
        page.setLayout(layout)
        self._empty = EmptyState(
            "play",
            self.tr("Nothing to run yet"),
            self.tr("Open a model first. This page then shows each stage of the recipe while it works on the model."),
            self.tr("Open a model"),
            lambda: self.navigate.emit("start"),
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(page)

    def _on_checkpoint(self) -> None:
        self._trust = False  # trust is given to one checkpoint, never to the next
        self._on_document()

    def _on_document(self) -> None:
        """Show what a run would do, unless one is in progress."""
        if self.running:
            return
        self._stack.setCurrentIndex(int(self.document.checkpoint is not None))
        self._title.setText(self.document.model_name)
        self._line.setText(recipe_line(self.document.recipe))
        self.handle = None
        self.card.clear()
        self.result.hide()
        self._notice.hide()
        self.stages.expect(self._expected())
        self._show_state()

    def _expected(self) -> list[str]:
        names = []
        for entry in self.document.recipe.active:
            try:
                names.append(engine_text(passes.get(entry.name).title))
            except UserError:
                names.append(entry.name)
        runtime = runtimes.get(self.document.recipe.target.runtime)
        return [*names, self.tr("Build for %1").replace("%1", engine_text(runtime.title))]

    def _begin(self, job: RunJob) -> None:
        self.card.clear()
        self.result.hide()
        self._notice.hide()
        self.log.clear()
        self.gauges.clear()
        self.stages.expect(self._expected())
        self._began = time.monotonic()
        self.handle = self.jobs.submit(job)
        self.handle.events.connect(self._on_events)
        self.handle.finished.connect(self._on_finished)
        self.handle.failed.connect(self._on_failed)
        self.handle.state_changed.connect(self._show_state)
        self._show_state()
        self.cancel_button.setFocus()

    def _on_events(self, batch: list[Event]) -> None:
        self.stages.apply(batch)
        lines = []
        for event in batch:
            if isinstance(event, Log):
                lines.append(event.text)
                if event.level != "info":
                    self._notice.setText(event.text)
                    self._notice.show()
            elif isinstance(event, Gauge):
                self.gauges.show_gauge(event)
            elif isinstance(event, StageChanged):
                self._line.setText(recipe_line(self.document.recipe))
            elif isinstance(event, Progress) and event.stage is None:
                self._line.setText(event.text or recipe_line(self.document.recipe))
        if lines:
            self.log.appendPlainText("\n".join(lines))

    def _on_finished(self, result: dict[str, Any]) -> None:
        self._line.setText(recipe_line(self.document.recipe))
        self.result.show_result(result, time.monotonic() - self._began)
        if self.isVisible():
            self.result.compare_button.setFocus()
        if self.document.checkpoint is not None:
            self.document.set_candidates(self.document.checkpoint, result["run"])

    def _on_failed(self, failure: Failure) -> None:
        cancelled = failure.kind == "cancelled"
        self._line.setText(recipe_line(self.document.recipe))
        self.stages.stop("stopped" if cancelled else "failed")
        if cancelled:
            kept = self.tr("Finished stages are kept; Run goes on from there.")
            self._notice.setText(self.tr("Stopped.") + (f" {kept}" if self.stages.done else ""))
            self._notice.show()
        else:
            self.card.show_failure(failure)
            if self.isVisible():
                self.card.focus()
            self.log.appendPlainText(failure.traceback or str(failure.to_error()))

    def _show_state(self, _state: str = "") -> None:
        self.cancel_button.setVisible(self.running)
        if self.handle is not None and self.handle.state == "queued":
            waiting = self.jobs.current is not None
            self._line.setText(self.tr("Waiting for another job to end") if waiting else self.tr("Starting the engine"))

    def _fit(self) -> None:
        """The card is as high as its stages, so that nothing empty stands below them."""
        self._stages_card.setMaximumHeight(HEIGHT * max(1, len(self.stages.rows)) + 12)

    def _on_log(self, shown: bool) -> None:
        self.log.setVisible(shown)
        self.log_button.setText(self.tr("Hide log") if shown else self.tr("Show log"))

    def _on_remedy(self, remedy: str) -> None:
        if remedy == "trust_code":
            self._trust = True
        if remedy in ("retry", "resume", "trust_code"):
            self.start()
        else:
            pages = {
                "settings": "settings",
                "free_space": "history",
                "open_pipeline": "pipeline",
                "choose_folder": "start",
            }
            self.navigate.emit(pages[remedy])

    def _on_compare(self) -> None:
        self.navigate.emit("compare")

    def _on_export(self) -> None:
        from gui.pages.history.export import ExportDialog

        if self.handle is not None and self.handle.result is not None:
            ExportDialog(self.handle.result["run"], self.jobs, self).exec()

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        """Escape stops the run."""
        if event.key() == Qt.Key.Key_Escape and self.running:
            self.cancel()
        else:
            super().keyPressEvent(event)
