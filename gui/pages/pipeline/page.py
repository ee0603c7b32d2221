"""The pipeline page: cards, problems with their remedies, forecast; the inspector at the right."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from engine.passes import catalog as passes
from engine.recipe import presets
from engine.recipe.validate import Problem
from engine.runtimes import catalog as runtimes
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.pages.base import Page
from gui.pages.pipeline.board import Board
from gui.pages.pipeline.forecast import Forecast
from gui.pages.pipeline.inspector import Inspector
from gui.pages.pipeline.recipe_files import RecipeFiles
from gui.settings.settings import Settings
from gui.translate import engine_text
from gui.widgets.buttons import button, icon_button
from gui.widgets.frames import Card, clear, column, row, scrolled
from gui.widgets.note import Note
from gui.widgets.text import ElidedLabel, label


class PipelinePage(Page):
    """Edits the document's recipe.

    Attributes:
        board: the cards.
        inspector: the options of the selected card.
        files: open, save and copy.
    """

    title = "Pipeline"

    def __init__(self, document: Document, jobs: JobRunner, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(document, jobs, settings, parent)
        self.board, self.inspector, self.forecast = Board(document), Inspector(document), Forecast(document)
        self.files = RecipeFiles(self)
        self.suggestions = self._suggestions()
        self._notes = column(spacing=8)
        left = QWidget()
        left.setLayout(
            column(
                self._header(),
                self.board,
                self.suggestions,
                self._notes,
                12,
                self.forecast,
                None,
                spacing=12,
                margins=24,
            )
        )
        side = Card(kind="pane", margins=0)
        area = scrolled(self.inspector)
        side.body.addWidget(area)
        side.setMinimumWidth(300)
        side.setMaximumWidth(380)
        side.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        content = row(spacing=0)
        content.addWidget(scrolled(left), 1)
        content.addLayout(column(side, margins=(8, 24, 24, 24)), 0)
        self.setLayout(content)
        document.recipe_changed.connect(self.refresh)
        document.checkpoint_changed.connect(self.entered)
        document.title_changed.connect(self._show_name)
        document.dirty_changed.connect(self._show_name)
        self.board.selection_changed.connect(lambda: self.inspector.refresh(self.board.selected))
        if document.recipe.passes:
            self.board.selected = 0
        self.refresh()
        self._show_name()

    def entered(self) -> None:
        """Availability and measurements may have changed since the last visit."""
        self.forecast.look_up()
        self.refresh()

    def refresh(self) -> None:
        """Show the recipe as it stands."""
        problems = self.document.problems()
        self.board.refresh(problems)
        self.inspector.refresh(self.board.selected)
        recipe = self.document.recipe
        self.suggestions.setVisible(not recipe.passes and not recipe.name)
        self._show_problems(problems)
        self.forecast.refresh()

    def presets_menu(self) -> QMenu:
        """Every preset with its summary."""
        menu = QMenu(self)
        for preset in presets.all_presets():
            action = menu.addAction(f"{engine_text(preset.title)}\t{engine_text(preset.summary)}")
            action.setObjectName(preset.name)
            action.triggered.connect(lambda _=False, preset=preset: self._apply_preset(preset))
        return menu

    def _apply_preset(self, preset: presets.Preset) -> None:
        self.document.apply_preset(preset.recipe, engine_text(preset.title))
        self.board.select(0)

    def _suggestions(self) -> QWidget:
        """What an empty pipeline offers: the presets, each with what it does."""
        box = QWidget()
        content = column(
            8,
            label(self.tr("Begin with a preset"), "section"),
            label(self.tr("Or add passes one by one; they run from left to right, then the target."), "muted"),
            spacing=8,
        )
        for preset in presets.all_presets():
            use = button(self.tr("Use it"), partial(self._apply_preset, preset))
            use.setObjectName(preset.name)
            use.setAccessibleName(self.tr("Use the preset %1").replace("%1", engine_text(preset.title)))
            texts = column(
                label(engine_text(preset.title)),
                label(engine_text(preset.summary), "muted", wrap=True),
                spacing=2,
            )
            card = Card(margins=12)
            line = row(spacing=12)
            line.addLayout(texts, 1)
            line.addWidget(use)
            card.body.addLayout(line)
            content.addWidget(card)
        box.setLayout(content)
        return box

    def _header(self) -> QWidget:
        box = QWidget()
        self._name = ElidedLabel("", "caption")
        self._presets = button(self.tr("Presets"), self._open_presets, icon="spark")
        undo = self._undo = icon_button("undo", self.tr("Undo (Ctrl+Z)"), self.document.undo_stack.undo)
        redo = self._redo = icon_button("redo", self.tr("Redo (Ctrl+Shift+Z)"), self.document.undo_stack.redo)
        self._more = icon_button("more", self.tr("Open, save or copy the recipe"), self._open_more)
        stack = self.document.undo_stack
        undo.setEnabled(stack.canUndo())
        redo.setEnabled(stack.canRedo())
        stack.canUndoChanged.connect(undo.setEnabled)
        stack.canRedoChanged.connect(redo.setEnabled)
        stack.undoTextChanged.connect(self._on_undo_text)
        stack.redoTextChanged.connect(self._on_redo_text)
        line = row(label(self.tr("Pipeline"), "title"), spacing=8)
        line.addWidget(self._name, 1)
        for part in (self._presets, undo, redo, self._more):
            line.addWidget(part)
        box.setLayout(line)
        return box

    def _on_undo_text(self, text: str) -> None:
        self._undo.setToolTip(self.tr("Undo: %1 (Ctrl+Z)").replace("%1", text))

    def _on_redo_text(self, text: str) -> None:
        self._redo.setToolTip(self.tr("Redo: %1 (Ctrl+Shift+Z)").replace("%1", text))

    def _show_name(self) -> None:
        path = self.document.recipe_path
        name = path.name if path else self.document.recipe.name
        edited = self.document.dirty and not (path is None and self._is_preset())
        self._name.setText(f"{name} · {self.tr('edited')}" if name and edited else name)

    def _is_preset(self) -> bool:
        return any(preset.recipe == self.document.recipe for preset in presets.all_presets())

    def _show_problems(self, problems: list[Problem]) -> None:
        clear(self._notes)
        recipe = self.document.recipe
        for problem in sorted(problems, key=lambda p: p.severity != "stop"):
            spec = (
                runtimes.get(recipe.target.runtime)
                if problem.index is None
                else passes.get(recipe.passes[problem.index].name)
            )
            text = engine_text(problem.text)
            title = engine_text(spec.title)
            shown = text if text.startswith(title) else f"{title}: {text}"
            fix = problem.fix
            note = Note(
                shown,
                "problem" if problem.severity == "stop" else "note",
                engine_text(fix.label) if fix else "",
                partial(self.document.apply_fix, fix) if fix else None,
            )
            self._notes.addWidget(note)

    def _open_presets(self) -> None:
        self._popup(self.presets_menu(), self._presets)

    def _open_more(self) -> None:
        self._popup(self.files.menu(), self._more)

    @staticmethod
    def _popup(menu: QMenu, under: QWidget) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(under.mapToGlobal(QPoint(0, under.height() + 4)))
