"""Open, save and copy the recipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox

from engine.protocol.errors import UserError

if TYPE_CHECKING:
    from gui.pages.base import Page


class RecipeFiles(QObject):
    """What can be done with the recipe as a file or text."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self._page, self._document = page, page.document
        self._filter = self.tr("Recipe (*.yaml *.yml)")

    def menu(self) -> QMenu:
        """Open, save, save as, copy as YAML, command line and Python."""
        menu = QMenu(self._page)
        self._add(menu, self.tr("Open recipe…"), self.open)
        self._add(menu, self.tr("Save recipe"), self.save)
        self._add(menu, self.tr("Save recipe as…"), self.save_as)
        menu.addSeparator()
        self._add(menu, self.tr("Copy as YAML"), self.copy_yaml)
        self._add(menu, self.tr("Copy as command line"), self.copy_command_line)
        self._add(menu, self.tr("Copy as Python"), self.copy_python)
        menu.addSeparator()
        self._add(menu, self.tr("Clear the recipe"), self._document.new_recipe)
        return menu

    def open(self) -> None:
        """Choose a recipe file and open it."""
        path, _ = QFileDialog.getOpenFileName(self._page, self.tr("Open recipe"), self._folder(), self._filter)
        if path:
            self.open_path(Path(path))

    def open_path(self, path: Path) -> None:
        """Open the recipe in `path`; says so if it cannot be read."""
        self._attempt(lambda: self._document.open_recipe(path))

    def save(self) -> None:
        """Save to the recipe's file; the first time, ask where."""
        if self._document.recipe_path is None:
            self.save_as()
        else:
            path = self._document.recipe_path
            self._attempt(lambda: self._document.save_recipe(path))

    def save_as(self) -> None:
        """Choose a file and save there."""
        name = self._document.recipe.name or "recipe"
        path, _ = QFileDialog.getSaveFileName(
            self._page, self.tr("Save recipe"), str(Path(self._folder()) / f"{name}.yaml"), self._filter
        )
        if path:
            target = Path(path) if Path(path).suffix else Path(path).with_suffix(".yaml")
            self._attempt(lambda: self._document.save_recipe(target))

    def copy_yaml(self) -> None:
        """Put the recipe on the clipboard as YAML."""
        QGuiApplication.clipboard().setText(self._document.recipe.to_yaml())

    def copy_command_line(self) -> None:
        """Put a command that runs the recipe on the clipboard."""
        from engine.export.script import as_command_line

        text = as_command_line(self._checkpoint(), self._document.recipe)
        QGuiApplication.clipboard().setText(text)

    def copy_python(self) -> None:
        """Put a Python script that runs the recipe on the clipboard."""
        from engine.export.script import as_python

        QGuiApplication.clipboard().setText(as_python(self._checkpoint(), self._document.recipe))

    def _checkpoint(self) -> str:
        return self._document.checkpoint or "CHECKPOINT"

    def _folder(self) -> str:
        path = self._document.recipe_path
        return str(path.parent) if path else self._page.settings.data.last_folder

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except UserError as error:
            QMessageBox.warning(self._page, self.tr("Recipe"), str(error))

    @staticmethod
    def _add(menu: QMenu, text: str, act: Callable[[], None]) -> None:
        menu.addAction(text).triggered.connect(lambda _=False: act())
