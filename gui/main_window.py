"""The window: wiring only. Pages do the work, actions are data, the document holds what is open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import QByteArray, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QMessageBox, QStackedWidget, QWidget

import engine
from engine.catalogue import load
from engine.protocol.errors import UserError
from gui.actions.build import build_actions, fill_menu_bar
from gui.actions.palette import Palette
from gui.document.document import Document
from gui.document.session import SessionKeeper
from gui.header import Header
from gui.jobs.client import JobRunner
from gui.pages import catalog
from gui.pages.base import Page
from gui.settings.settings import Settings
from gui.theme.theme import theme
from gui.translate import engine_text
from gui.widgets.frames import column


class MainWindow(QMainWindow):
    """Header, pages and what connects them.

    Attributes:
        document, jobs, settings: shared by all pages.
        pages: the pages visited so far, by key.
    """

    def __init__(self, settings: Settings, document: Document | None = None, jobs: JobRunner | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.document = document or Document(self)
        self.jobs = jobs or JobRunner(parent=self)
        self.session = SessionKeeper(self.document, self)
        self.pages: dict[str, Page] = {}
        self.current = ""
        self.actions_by_name = build_actions(self, self._handlers())
        self.header = Header(self.actions_by_name)
        fill_menu_bar(self.header.menus, self.actions_by_name)
        self._stack = QStackedWidget()
        body = QWidget()
        body.setLayout(column(self.header, self._stack, spacing=0))
        self.setCentralWidget(body)
        self.setAcceptDrops(True)
        self.setMinimumSize(960, 600)
        self.header.page_wanted.connect(self.go)
        stack = self.document.undo_stack
        stack.canUndoChanged.connect(self.actions_by_name["undo"].setEnabled)
        stack.canRedoChanged.connect(self.actions_by_name["redo"].setEnabled)
        for name in ("undo", "redo"):
            self.actions_by_name[name].setEnabled(False)
        self.document.title_changed.connect(self._show_title)
        # Several signals of one edit make one check.
        self._check = QTimer(self)
        self._check.setSingleShot(True)
        self._check.setInterval(0)
        self._check.timeout.connect(self._show_run_state)
        for signal in (self.document.recipe_changed, self.document.checkpoint_changed):
            signal.connect(self._check.start)
        self.jobs.current_changed.connect(self._on_job)
        self._restore_geometry()
        self._show_title()
        self.go("start")
        self._stack.setFocus()
        self._check.start()

    # Pages ----------------------------------------------------------------------------------------------------

    def page(self, key: str) -> Page:
        """The page `key`, made now if this is its first visit."""
        if key not in self.pages:
            kind = cast(type[Page], load(catalog.ENTRIES[key][1]))
            made = kind(self.document, self.jobs, self.settings, self._stack)
            made.navigate.connect(self.go)
            self._stack.addWidget(made)
            self.pages[key] = made
            self._wire(key, made)
        return self.pages[key]

    def go(self, key: str) -> None:
        """Show page `key`."""
        page = self.page(key)
        self.current = key
        self._stack.setCurrentWidget(page)
        self.header.show_page(key)
        page.entered()

    def open(self, source: str) -> None:
        """Open a checkpoint: folder, file, hub id or "sample"."""
        self.page("start").opener.open(source)  # type: ignore[attr-defined]

    def open_recipe(self, path: Path) -> None:
        """Open a recipe file and show the pipeline; a problem is said in a dialog."""
        self.go("pipeline")
        self.page("pipeline").files.open_path(path)  # type: ignore[attr-defined]

    def _wire(self, key: str, page: Page) -> None:
        if key == "start":
            page.opener.started.connect(lambda *_: self.go("start"))  # type: ignore[attr-defined]

    # Actions --------------------------------------------------------------------------------------------------

    def _handlers(self) -> dict[str, Callable[[], object]]:
        def start(method: str) -> Callable[[], object]:
            return lambda: getattr(self.page("start"), method)()

        def files(method: str) -> Callable[[], object]:
            return lambda: getattr(self.page("pipeline").files, method)()  # type: ignore[attr-defined]

        return {
            "open_folder": start("choose_folder"),
            "open_gguf": start("choose_gguf"),
            "open_sample": lambda: self.open("sample"),
            "open_recipe": files("open"),
            "save_recipe": files("save"),
            "save_recipe_as": files("save_as"),
            "settings": lambda: self.go("settings"),
            "quit": self.close,
            "undo": self.document.undo_stack.undo,
            "redo": self.document.undo_stack.redo,
            "add_pass": self._add_pass,
            "copy_yaml": files("copy_yaml"),
            "copy_command_line": files("copy_command_line"),
            "copy_python": files("copy_python"),
            "clear_recipe": self.document.new_recipe,
            "run": self._run,
            "profile": self._profile,
            "close_model": self._close_model,
            **{f"page_{key}": partial(self.go, key) for key, entry in catalog.ENTRIES.items() if entry[2]},
            "palette": lambda: Palette(self.actions_by_name.values(), self).show(),
            "theme": self._switch_theme,
            "full_screen": lambda: self.showNormal() if self.isFullScreen() else self.showFullScreen(),
            "about": self._about,
        }

    def _add_pass(self) -> None:
        self.go("pipeline")
        self.page("pipeline").board.add_button.click()  # type: ignore[attr-defined]

    def _close_model(self) -> None:
        self.document.set_info(None)
        self.go("start")

    def _run(self) -> None:
        self.go("run")
        self.page("run").start()  # type: ignore[attr-defined]

    def _profile(self) -> None:
        self.go("checkpoint")
        self.page("checkpoint").start_profile()  # type: ignore[attr-defined]

    def _switch_theme(self) -> None:
        self.settings.set("theme", "light" if theme().tokens.name == "dark" else "dark")

    def _about(self) -> None:
        text = self.tr("Hasten %1 makes language models faster, and proves it.\n\nApache License 2.0.")
        QMessageBox.about(self, self.tr("About Hasten"), text.replace("%1", engine.__version__))

    # What is shown above the pages ----------------------------------------------------------------------------

    def _show_title(self) -> None:
        name = self.document.model_name
        self.header.show_model(name)
        self.setWindowTitle(f"{name} – Hasten" if name else "Hasten")

    def _on_job(self, _: object) -> None:
        self._check.start()

    def _show_run_state(self) -> None:
        why = self._why_not()
        self.header.show_run(not why, why)
        self.actions_by_name["run"].setEnabled(not why)
        for name in ("profile", "close_model"):
            self.actions_by_name[name].setEnabled(self.document.info is not None)

    def _why_not(self) -> str:
        if self.document.info is None:
            return self.tr("Open a model first.")
        if self.jobs.current is not None and self.jobs.current.job.kind == "run":
            return self.tr("A run is going on.")
        try:
            stops = [p for p in self.document.problems() if p.severity == "stop"]
        except UserError as error:
            return str(error)
        return engine_text(stops[0].text) if stops else ""

    # The window itself ----------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept local files and folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the dropped checkpoint or recipe."""
        path = next(url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile())
        event.acceptProposedAction()
        if path.endswith((".yaml", ".yml")):
            self.open_recipe(Path(path))
        else:
            self.open(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep the session and the geometry; stop the engine process."""
        self.session.save()
        self.settings.set("window", self.saveGeometry().toBase64().toStdString())
        self.jobs.close()
        super().closeEvent(event)

    def _restore_geometry(self) -> None:
        self.resize(1280, 720)
        saved = self.settings.data.window
        if saved:
            self.restoreGeometry(QByteArray.fromBase64(saved.encode()))
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents, False)
