"""What the main window expects of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gui.document.document import Document
from gui.settings.settings import Settings

if TYPE_CHECKING:
    from gui.jobs.client import JobRunner


class Page(QWidget):
    """Base of every page; made on its first visit and kept.

    Attributes:
        title: the tab's text, in English; the window translates it in the context "Page".
        document: the open checkpoint and recipe.
        jobs: the way to the engine process.
        settings: the user's settings.

    Signals:
        navigate: asks for another page by its key in gui.pages.catalog ("run", "compare", "history", …).
    """

    title: ClassVar[str] = ""
    navigate = Signal(str)

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document, self.jobs, self.settings = document, jobs, settings

    def entered(self) -> None:
        """The page has become the visible one. Refresh here what changes behind its back."""
