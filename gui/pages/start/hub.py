"""Search the model hub and download from it."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget

from engine.compare.format import format_bytes, format_count
from engine.protocol.errors import Failure
from engine.protocol.job import HubSearchJob
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle
from gui.messages.card import FailureCard
from gui.translate import engine_text
from gui.widgets.buttons import button
from gui.widgets.flow import FlowLayout
from gui.widgets.frames import clear, column, line, row, scrolled
from gui.widgets.text import ElidedLabel, label

# Small, well-known models that show what can be done on any machine.
SUGGESTIONS = ("SmolLM2-135M", "Qwen3-0.6B", "TinyLlama", "all-MiniLM-L6-v2")


class HubSearch(QWidget):
    """A search field and what it found.

    Signals:
        chosen(str): the user wants this repository.
        settings_wanted: the failure card sends the user to the settings.
    """

    chosen = Signal(str)
    settings_wanted = Signal()

    def __init__(self, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._handle: Handle | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Name of a model, such as SmolLM2"))
        self.field.setAccessibleName(self.tr("Search the model hub"))
        self.field.setClearButtonEnabled(True)
        self.field.returnPressed.connect(self.search)
        self.go = button(self.tr("Search"), self.search, icon="search")
        self.state = label(
            self.tr("Only safetensors weights are downloaded. Nothing from the hub can run code here."),
            "muted",
            wrap=True,
        )
        self.failure = FailureCard("retry", "settings")
        self.failure.remedy.connect(lambda remedy: self.search() if remedy == "retry" else self.settings_wanted.emit())
        inner = QWidget()
        self.results = QVBoxLayout(inner)
        self.results.setContentsMargins(0, 0, 8, 0)
        self.results.setSpacing(0)
        self._area = scrolled(inner)
        self._area.hide()
        self._suggestions = QWidget()
        chips = FlowLayout(self._suggestions)
        for words in SUGGESTIONS:
            chips.addWidget(button(words, partial(self.suggest, words), kind="chip"))
        self.setLayout(
            column(row(self.field, self.go), self._suggestions, self.state, self.failure, self._area, spacing=12)
        )

    def suggest(self, words: str) -> None:
        """Search for `words`."""
        self.field.setText(words)
        self.search()

    def search(self) -> None:
        """Ask the hub for what the field says."""
        words = self.field.text().strip()
        if not words:
            self.field.setFocus()
            return
        if self._handle is not None:
            self._jobs.cancel(self._handle)
        clear(self.results)
        self._area.hide()
        self.failure.clear()
        self._tell(self.tr("Searching…"))
        handle = self._handle = self._jobs.submit(HubSearchJob(words=words))
        handle.finished.connect(self._on_found)
        handle.failed.connect(self._on_failed)

    def _on_found(self, result: dict[str, Any]) -> None:
        self._handle = None
        models = result["models"]
        self._tell("" if models else self.tr("No model of that name. Try fewer letters."))
        for model in models:
            self.results.addWidget(self._row(model))
        self.results.addStretch(1)
        self._area.setVisible(bool(models))

    def _on_failed(self, failure: Failure) -> None:
        if failure.kind == "cancelled":
            return
        self._handle = None
        self._tell("")
        self.failure.show_failure(failure)

    def _row(self, model: dict[str, Any]) -> QWidget:
        name = ElidedLabel(model["id"], mode=Qt.TextElideMode.ElideMiddle)
        name.setText(model["id"])
        facts = [engine_text(model.get("task") or "")]
        facts.append(format_bytes(model["bytes"]) if model.get("bytes") else self.tr("size unknown"))
        if model.get("downloads"):
            facts.append(self.tr("%1 downloads").replace("%1", format_count(model["downloads"])))
        if model.get("gated"):
            facts.append(self.tr("needs a licence agreement"))
        take = button(self.tr("Download"), lambda: self.chosen.emit(model["id"]), kind="quiet", icon="download")
        take.setAccessibleName(self.tr("Download %1").replace("%1", model["id"]))
        box = QFrame()
        caption = ElidedLabel("", "caption")
        caption.setText(" · ".join(fact for fact in facts if fact))
        content = row(column(name, caption, spacing=2), take, spacing=12, margins=(0, 8, 0, 8))
        content.setStretch(0, 1)
        box.setLayout(column(content, line(), spacing=0))
        return box

    def _tell(self, text: str) -> None:
        self.state.setText(text)
        self.state.setVisible(bool(text))
