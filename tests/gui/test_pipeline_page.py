"""The recipe is edited by mouse and by keyboard; problems stand beside their card and can be mended."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from engine import intel
from engine.checkpoint.info import CheckpointInfo
from engine.passes.catalog import all_passes
from engine.recipe.presets import all_presets
from engine.recipe.recipe import Recipe
from engine.runtimes.openvino.availability import availability
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.pages.pipeline import PipelinePage
from gui.pages.pipeline.card import MIME
from gui.settings.settings import Settings
from gui.widgets.note import Note


@pytest.fixture
def page(
    qtbot: QtBot, styled: None, document: Document, jobs: JobRunner, settings: Settings, llama_info: CheckpointInfo
) -> PipelinePage:
    document.set_info(llama_info)
    made = PipelinePage(document, jobs, settings)
    qtbot.addWidget(made)
    made.resize(1280, 640)
    made.show()
    qtbot.waitExposed(made)
    return made


def names(page: PipelinePage) -> list[str]:
    return [entry.name for entry in page.document.recipe.passes]


def add(page: PipelinePage, *wanted: str) -> None:
    for name in wanted:
        page.board.add(name)


def notes(page: PipelinePage) -> list[Note]:
    return [note for note in page.findChildren(Note) if not note.isHidden()]


def test_the_add_menu_offers_every_pass_with_its_summary(page: PipelinePage) -> None:
    offered = {action.objectName(): action for action in page.board.add_menu().actions() if action.objectName()}
    assert set(offered) == set(all_passes())
    offered["quantize"].trigger()
    assert names(page) == ["quantize"]
    assert page.board.selected == 0
    assert all_passes()["quantize"].summary in offered["quantize"].text()


def test_cards_move_by_keyboard_and_stay_selected(page: PipelinePage, qtbot: QtBot) -> None:
    add(page, "prune_magnitude", "quantize")
    qtbot.keyClick(page.board.cards[1], Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert names(page) == ["quantize", "prune_magnitude"]
    assert page.board.selected == 0
    qtbot.keyClick(page.board.cards[0], Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert names(page) == ["prune_magnitude", "quantize"]
    qtbot.keyClick(page.board.cards[1], Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert names(page) == ["prune_magnitude", "quantize"]


def test_cards_are_removed_by_keyboard_and_come_back_with_undo(page: PipelinePage, qtbot: QtBot) -> None:
    add(page, "prune_magnitude", "quantize")
    qtbot.keyClick(page.board.cards[0], Qt.Key.Key_Delete)
    assert names(page) == ["quantize"]
    page.document.undo_stack.undo()
    assert names(page) == ["prune_magnitude", "quantize"]
    assert len(page.board.cards) == 2


def drop(page: PipelinePage, index: int, x: float, y: float) -> None:
    data = QMimeData()
    data.setData(MIME, str(index).encode())
    event = QDropEvent(
        QPointF(x, y), Qt.DropAction.MoveAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    page.board.dropEvent(event)


def test_a_card_is_dropped_before_another(page: PipelinePage) -> None:
    add(page, "prune_depth", "prune_magnitude", "quantize")
    first = page.board.cards[0].geometry()
    drop(page, 2, first.left() + 3, first.center().y())
    assert names(page) == ["quantize", "prune_depth", "prune_magnitude"]
    last = page.board.cards[2].geometry()
    drop(page, 0, last.right() + 3, last.center().y())
    assert names(page) == ["prune_depth", "prune_magnitude", "quantize"]


def test_a_click_selects_and_the_inspector_shows_that_pass(page: PipelinePage, qtbot: QtBot) -> None:
    add(page, "prune_magnitude", "quantize")
    qtbot.mouseClick(page.board.cards[0], Qt.MouseButton.LeftButton)
    assert page.inspector.form is not None
    assert page.inspector.form.options is all_passes()["prune_magnitude"].options
    qtbot.mouseClick(page.board.target, Qt.MouseButton.LeftButton)
    assert page.inspector.target_form is not None


def test_the_switch_turns_a_pass_off(page: PipelinePage, qtbot: QtBot) -> None:
    add(page, "quantize")
    page.board.cards[0].switch.click()
    assert not page.document.recipe.passes[0].enabled
    page.document.undo_stack.undo()
    assert page.board.cards[0].switch.isChecked()


def test_the_form_edits_the_recipe_and_follows_undo(page: PipelinePage) -> None:
    add(page, "prune_magnitude")
    box = page.inspector.form.editors["sparsity"].input
    box.setValue(50.0)
    assert page.document.recipe.passes[0].options == {"sparsity": 50.0}
    assert "50" in page.board.cards[0].glyph.text()
    page.document.undo_stack.undo()
    assert page.inspector.form.editors["sparsity"].input is box
    assert box.value() == 30.0


def test_target_fields_edit_the_recipe(page: PipelinePage) -> None:
    form = page.inspector.target_form
    form.editors["threads"].input.setValue(2)
    form.editors["runtime"].set_value("onnxruntime")
    form.editors["runtime"].edited.emit()
    target = page.document.recipe.target
    assert (target.threads, target.runtime) == (2, "onnxruntime")
    assert page.inspector.target_form.editors["threads"].value() == 2


def test_a_device_that_openvino_does_not_find_says_why(
    page: PipelinePage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A made-up NPU: OpenVINO finds that alone."""
    found = {"intel-gpu": intel.Found(reason="No GPU here."), "intel-npu": intel.Found(name="an NPU")}
    monkeypatch.setattr(intel, "devices", lambda: found)
    availability.cache_clear()
    request.addfinalizer(availability.cache_clear)

    def offered() -> dict[str, tuple[bool, str]]:
        box = page.inspector.target_form.editors["device"].input
        items = [box.model().item(i) for i in range(box.count())]
        return {box.itemData(i): (item.isEnabled(), item.toolTip()) for i, item in enumerate(items)}

    page.document.set_target("runtime", "openvino")
    assert offered() == {
        "cpu": (True, ""), "cuda": (True, ""), "intel-gpu": (False, "No GPU here."), "intel-npu": (True, ""),
    }  # fmt: skip
    page.document.set_target("runtime", "transformers")
    assert offered()["intel-npu"] == (False, "OpenVINO alone computes there.")
    page.document.set_target("device", "intel-npu")  # as a recipe of another machine does
    assert offered()["intel-npu"][0]
    assert "Intel NPU" in page.board.target.glyph.text()


def test_a_wrong_order_is_shown_and_mended(page: PipelinePage, qtbot: QtBot) -> None:
    add(page, "quantize", "mixed_precision")
    assert page.board.cards[1].badge.text()
    qtbot.waitUntil(lambda: len(notes(page)) == 1)  # said once
    stop = next(note for note in notes(page) if note.button is not None and "before" in note.button.text())
    stop.button.click()
    assert names(page) == ["mixed_precision", "quantize"]
    assert not [p for p in page.document.problems() if p.severity == "stop"]
    page.document.undo_stack.undo()
    assert names(page) == ["quantize", "mixed_precision"]


def test_the_forecast_follows_the_recipe(page: PipelinePage) -> None:
    assert page.forecast.now.text()
    assert page.forecast.expected.isHidden()
    add(page, "quantize")
    assert "MiB" in page.forecast.expected.text() or "KiB" in page.forecast.expected.text()
    assert not page.forecast.expected.isHidden()


def test_presets_are_offered_and_applied(page: PipelinePage) -> None:
    assert all_presets()
    preset = all_presets()[0]
    page.suggestions.findChild(QPushButton, preset.name).click()
    assert page.document.recipe == preset.recipe
    assert page.suggestions.isHidden()
    page.document.undo_stack.undo()
    assert page.document.recipe == Recipe()


def test_the_recipe_is_copied_as_yaml_command_and_python(page: PipelinePage) -> None:
    add(page, "quantize")
    page.files.copy_yaml()
    assert Recipe.from_yaml(QGuiApplication.clipboard().text()) == page.document.recipe
    page.files.copy_command_line()
    assert "\nhasten run " in QGuiApplication.clipboard().text()
    page.files.copy_python()
    compile(QGuiApplication.clipboard().text(), "recipe", "exec")
