"""The window: pages, actions, palette, what it remembers, and what it must not import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.checkpoint.info import CheckpointInfo
from engine.recipe.recipe import Recipe
from gui.actions.catalog import ACTIONS
from gui.actions.palette import Palette, matches
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.main_window import MainWindow
from gui.pages import catalog
from gui.settings.settings import Settings
from gui.theme.theme import theme
from tests.helpers.window import ScriptedClient


@pytest.fixture
def window(qtbot: QtBot, styled: None, document: Document, jobs: JobRunner, settings: Settings) -> Iterator[MainWindow]:
    made = MainWindow(settings, document, jobs)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()


@pytest.mark.parametrize("key", list(catalog.ENTRIES))
def test_every_page_opens_without_and_with_a_model(window: MainWindow, llama_info: CheckpointInfo, key: str) -> None:
    window.go(key)
    assert window.pages[key].isVisible()
    window.document.set_info(llama_info)
    assert window.pages[key].isVisible()
    checked = [name for name, tab in window.header.tabs.items() if tab.isChecked()]
    assert checked == ([key] if catalog.ENTRIES[key][2] else [])


def test_tabs_and_shortcuts_switch_pages(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.mouseClick(window.header.tabs["pipeline"], Qt.MouseButton.LeftButton)
    assert window.current == "pipeline"
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.current == "checkpoint"


def test_actions_have_unique_names_and_shortcuts() -> None:
    keys = [action.keys for action in ACTIONS if action.keys]
    assert len(keys) == len(set(keys))
    assert len({action.name for action in ACTIONS}) == len(ACTIONS)


def test_run_waits_for_a_model_and_a_legal_recipe(window: MainWindow, llama_info: CheckpointInfo, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.header.run.isEnabled())
    assert "model" in window.header.run.toolTip()
    window.document.set_info(llama_info)
    qtbot.waitUntil(window.header.run.isEnabled)
    window.document.add_pass("quantize")
    window.document.add_pass("mixed_precision")
    qtbot.waitUntil(lambda: not window.header.run.isEnabled())
    assert "must come before" in window.header.run.toolTip()


def test_run_starts_a_run_job(
    window: MainWindow, llama_info: CheckpointInfo, client: ScriptedClient, qtbot: QtBot
) -> None:
    window.document.set_info(llama_info)
    window.document.add_pass("quantize")
    qtbot.waitUntil(window.header.run.isEnabled)
    qtbot.mouseClick(window.header.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(client.jobs))
    assert client.jobs[0].kind == "run"
    assert client.jobs[0].checkpoint == llama_info.path
    assert window.current == "run"


def test_the_palette_finds_and_runs(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_by_name["palette"].trigger()
    palette = window.findChild(Palette)
    qtbot.keyClicks(palette.field, "hist")
    assert palette.list.topLevelItemCount() == 1
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert window.current == "history"


def test_palette_matches_words_in_any_order() -> None:
    assert matches("yaml copy", "Copy recipe as YAML")
    assert not matches("yaml save", "Copy recipe as YAML")


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    window.dropEvent(
        QDropEvent(
            QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
    )


def test_a_folder_and_a_recipe_can_be_dropped(window: MainWindow, tiny_llama: Path, tmp_path: Path) -> None:
    drop(window, tiny_llama)
    assert window.document.checkpoint == str(tiny_llama)
    assert window.current == "checkpoint"
    assert tiny_llama.name in window.windowTitle()
    (tmp_path / "mine.yaml").write_text("version: 1\npasses:\n- pass: quantize\n")
    drop(window, tmp_path / "mine.yaml")
    assert window.document.recipe.passes[0].name == "quantize"
    assert window.current == "pipeline"


def test_closing_keeps_session_and_geometry(window: MainWindow, llama_info: CheckpointInfo) -> None:
    window.document.set_info(llama_info)
    window.document.add_pass("quantize")
    window.resize(1111, 666)
    window.close()
    again = Settings()
    assert again.data.window
    other = MainWindow(again, Document(), JobRunner(connect=ScriptedClient))
    assert other.height() == 666  # the offscreen screen is too narrow for the width
    assert other.session.restore() == llama_info.path
    assert other.document.recipe.passes[0].name == "quantize"
    other.close()


def test_theme_toggle_is_kept(window: MainWindow) -> None:
    settings = window.settings
    settings.changed.connect(lambda name: theme().choose(settings.data.theme))
    window.actions_by_name["theme"].trigger()
    assert theme().tokens.name == "dark"
    assert Settings().data.theme == "dark"
    theme().choose("light")


def test_every_icon_button_has_a_name_and_every_field_too(window: MainWindow, llama_info: CheckpointInfo) -> None:
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSpinBox

    window.document.set_info(llama_info)
    window.document.add_pass("quantize")
    for key in ("start", "checkpoint", "pipeline", "settings"):
        window.go(key)
        for button in window.pages[key].findChildren(QAbstractButton):
            if button.isVisible() and not button.text():
                assert button.accessibleName() or button.toolTip(), (key, button)
        for kind in (QLineEdit, QComboBox, QSpinBox):
            for field in window.pages[key].findChildren(kind):
                inner = field.objectName() == "qt_spinbox_lineedit"
                assert inner or not field.isVisible() or field.accessibleName(), (key, field)


def test_nothing_is_cut_off_at_the_smallest_size(window: MainWindow, llama_info: CheckpointInfo, qtbot: QtBot) -> None:
    window.document.set_info(llama_info)
    window.resize(1024, 640)
    for key in ("start", "checkpoint", "pipeline", "settings"):
        window.go(key)
        qtbot.waitUntil(lambda: window.width() == 1024)
        for label in window.pages[key].findChildren(QLabel):
            if label.isVisible() and type(label) is QLabel and not label.wordWrap() and label.text():
                assert label.width() >= label.sizeHint().width() - 1, (key, label.text())


def test_importing_the_window_loads_no_heavy_library() -> None:
    code = (
        "import sys, gui.app\nprint([m for m in ('torch', 'transformers', 'onnxruntime', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_opening_every_page_loads_no_heavy_library(tiny_llama: Path) -> None:
    code = (
        "import sys\nfrom gui.app import create_application, theme\nfrom gui.main_window import MainWindow\n"
        "from gui.settings.settings import Settings\napp = create_application()\ntheme().start('light')\n"
        f"w = MainWindow(Settings())\nw.document.open_checkpoint({str(tiny_llama)!r})\n"
        "w.document.add_pass('quantize')\n"
        "w.show()\n[w.go(k) for k in __import__('gui.pages.catalog', fromlist=['x']).ENTRIES]\napp.processEvents()\n"
        "print([m for m in ('torch', 'transformers', 'onnxruntime') if m in sys.modules])\nw.close()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_survive_damage(tmp_path: Path) -> None:
    path = Settings.path()
    path.parent.mkdir(parents=True)
    path.write_text('{"theme": "dark", "threads": "many", "someone_elses": 1}')
    settings = Settings()
    assert (settings.data.theme, settings.data.threads) == ("dark", None)
    settings.set("threads", 3)
    assert '"someone_elses": 1' in path.read_text()
    path.write_text("not json")
    assert Settings().data.theme == "system"
    assert path.with_suffix(".unreadable.json").read_text() == "not json"


def test_recipe_option_of_the_command_line(window: MainWindow, tmp_path: Path) -> None:
    from gui.app import parse

    (tmp_path / "r.yaml").write_text(Recipe(name="mine").to_yaml())
    options = parse(["folder", "--recipe", str(tmp_path / "r.yaml")])
    assert options.checkpoint == "folder"
    window.open_recipe(options.recipe)
    assert window.document.recipe.name == "mine"
