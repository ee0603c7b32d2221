"""The start page: the sample, a folder, a file, the hub, or what was open lately."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.protocol.errors import Failure
from gui.document.document import Document
from gui.document.opener import Opener
from gui.jobs.client import JobRunner
from gui.jobs.handle import Handle
from gui.messages.card import FailureCard
from gui.pages.base import Page
from gui.pages.start.hub import HubSearch
from gui.pages.start.recent import Recent
from gui.settings.settings import Settings
from gui.widgets.buttons import button
from gui.widgets.frames import Card, column, row, scrolled
from gui.widgets.progress import ProgressCard
from gui.widgets.text import label


class StartPage(Page):
    """Asks one question: which model?

    Attributes:
        opener: opens what is chosen; the window uses it too.
    """

    title = "Start"

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(document, jobs, settings, parent)
        self.opener = Opener(document, jobs, settings, self)
        self.progress = ProgressCard()
        self.failure = FailureCard("choose_folder", "convert_pickle", "retry", "settings")
        self.recent, self.hub = Recent(settings), HubSearch(jobs)
        self.sample = button(self.tr("Try the sample model"), lambda: self.opener.open("sample"), kind="hero")
        self.sample.setToolTip(self.tr("SmolLM2-135M-Instruct, a small chat model"))
        left = QWidget()
        left.setLayout(
            column(
                label(self.tr("Which model shall become faster?"), "title"),
                label(
                    self.tr("Open one, choose what to change, run it, and see original and result side by side."),
                    "muted",
                    wrap=True,
                ),
                8,
                self.progress,
                self.failure,
                self._sample_card(),
                row(
                    button(self.tr("Open a folder…"), self.choose_folder, icon="folder"),
                    button(self.tr("Open a GGUF file…"), self.choose_gguf, icon="file"),
                    None,
                ),
                16,
                self.recent,
                None,
                spacing=12,
                margins=32,
            )
        )
        right = Card(label(self.tr("Search the model hub"), "section"), self.hub, spacing=12, margins=24)
        content = row(spacing=0)
        content.addWidget(scrolled(left), 11)
        side = column(margins=(0, 32, 32, 32))
        side.addWidget(right, 0)
        side.addStretch(0)
        content.addLayout(side, 9)
        self.setLayout(content)
        self.opener.started.connect(self._on_started)
        self.opener.failed.connect(self._on_failed)
        self.opener.opened.connect(self._on_opened)
        self.progress.cancelled.connect(self.opener.cancel)
        self.recent.chosen.connect(self.opener.open)
        self.hub.chosen.connect(self.opener.open)
        self.hub.settings_wanted.connect(lambda: self.navigate.emit("settings"))
        self.failure.remedy.connect(self._on_remedy)

    def entered(self) -> None:
        """Folders may have come or gone."""
        self.recent.refresh()

    def choose_folder(self) -> None:
        """Ask for a checkpoint folder and open it."""
        folder = QFileDialog.getExistingDirectory(self, self.tr("Open a model folder"), self.settings.data.last_folder)
        if folder:
            self.settings.set("last_folder", str(Path(folder).parent))
            self.opener.open(folder)

    def choose_gguf(self) -> None:
        """Ask for a GGUF file and import it."""
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Open a GGUF file"), self.settings.data.last_folder, self.tr("GGUF models (*.gguf)")
        )
        if path:
            self.settings.set("last_folder", str(Path(path).parent))
            self.opener.open(path)

    def _sample_card(self) -> Card:
        about = label(
            self.tr("SmolLM2, a chat model of 135 million parameters. It is downloaded once: 93 MB."),
            "muted",
            wrap=True,
        )
        self.sample.setMinimumHeight(48)
        card = Card(self.sample, about, spacing=12, margins=24)
        card.body.setAlignment(self.sample, Qt.AlignmentFlag.AlignLeft)
        return card

    def _on_started(self, handle: Handle, text: str) -> None:
        self.failure.clear()
        self.progress.follow(handle, text)

    def _on_opened(self) -> None:
        self.failure.clear()
        self.navigate.emit("checkpoint")

    def _on_failed(self, failure: Failure) -> None:
        if failure.kind != "cancelled":
            self.failure.show_failure(failure)
            self.navigate.emit("start")

    def _on_remedy(self, remedy: str) -> None:
        acts: dict[str, Callable[[], object]] = {
            "choose_folder": self.choose_folder,
            "convert_pickle": self.opener.convert_pickle,
            "retry": lambda: self.opener.open(self.opener.source),
            "settings": lambda: self.navigate.emit("settings"),
        }
        acts[remedy]()
