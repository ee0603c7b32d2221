"""The application: command line, theme, translation, the one window."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from engine import paths
from gui.main_window import MainWindow
from gui.settings.settings import Settings
from gui.theme.icons import app_icon, install_stylesheet_icons
from gui.theme.theme import theme


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line of the window."""
    parser = argparse.ArgumentParser(prog="python -m gui", description="Open the window.")
    parser.add_argument("checkpoint", nargs="?", help="a checkpoint folder, a GGUF file or a hub id")
    parser.add_argument("--recipe", type=Path, help="a recipe file to open")
    parser.add_argument("--sample", action="store_true", help="open the sample model")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window; the exit status when it closes."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    app = create_application()
    settings = Settings(app)
    translate(app, settings.data.language)
    if settings.data.hub_endpoint:
        os.environ.setdefault("HF_ENDPOINT", settings.data.hub_endpoint)  # the engine process inherits it
    theme().start(settings.data.theme)
    settings.changed.connect(lambda name: theme().choose(settings.data.theme) if name == "theme" else None)
    window = MainWindow(settings)
    window.show()
    source = "sample" if options.sample else options.checkpoint
    last = window.session.restore()
    if options.recipe is not None:
        window.open_recipe(options.recipe)
    if source or last:
        window.open(str(source or last))
    return app.exec()


def create_application() -> QApplication:
    """The QApplication with its name and icon."""
    app = QApplication.instance() or QApplication(["hasten"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Hasten")
    app.setDesktopFileName("hasten")
    install_stylesheet_icons()
    app.setWindowIcon(app_icon())
    return app


def translate(app: QApplication, language: str) -> list[QTranslator]:
    """Install the translations of Qt and of Hasten for `language` ("" is the system's); those that were found."""
    locale = QLocale(language) if language else QLocale.system()
    if language:
        QLocale.setDefault(locale)
    own = str(paths.resources() / "translations")
    qt = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    installed = []
    # English comes first, for its plural forms; what is installed later is asked first.
    for wanted, prefix, folder in ((QLocale("en"), "hasten", own), (locale, "qtbase", qt), (locale, "hasten", own)):
        translator = QTranslator(app)
        if translator.load(wanted, prefix, "_", folder):
            app.installTranslator(translator)
            installed.append(translator)
    return installed
