"""Every edit of the recipe can be undone; nothing is lost between sessions."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.checkpoint.info import CheckpointInfo
from engine.protocol.errors import UserError
from engine.recipe.recipe import PassEntry, Recipe, Target
from gui.document.document import Document
from gui.document.session import SessionKeeper


def names(document: Document) -> list[str]:
    return [entry.name for entry in document.recipe.passes]


def test_every_edit_is_undone_and_redone(document: Document) -> None:
    states = [document.recipe]
    edits = (
        lambda: document.add_pass("quantize"),
        lambda: document.add_pass("prune_magnitude", 0),
        lambda: document.set_options(1, {"bits": 4}, changed="bits"),
        lambda: document.set_enabled(0, False),
        lambda: document.move_pass(0, 1),
        lambda: document.set_target("threads", 2),
        lambda: document.set_options(None, {}, changed=""),
        lambda: document.apply_preset(Recipe(name="other", target=Target(replicas=2)), "Other"),
        lambda: document.remove_pass(0) if document.recipe.passes else document.add_pass("mixed_precision"),
    )
    for edit in edits:
        edit()
        if document.recipe != states[-1]:
            states.append(document.recipe)
    assert document.undo_stack.count() == len(states) - 1
    for state in reversed(states[:-1]):
        document.undo_stack.undo()
        assert document.recipe == state
    for state in states[1:]:
        document.undo_stack.redo()
        assert document.recipe == state


def test_edits_say_what_they_did(document: Document) -> None:
    document.add_pass("quantize")
    assert "Quantize" in document.undo_stack.undoText()


def test_typing_one_option_is_one_undo_step(document: Document) -> None:
    document.add_pass("prune_magnitude")
    for value in (1.0, 12.0, 12.5):
        document.set_options(0, {"sparsity": value}, changed="sparsity")
    document.set_options(0, {"sparsity": 12.5, "structure": "n:m"}, changed="structure")
    document.undo_stack.undo()
    assert document.recipe.passes[0].options == {"sparsity": 12.5}
    document.undo_stack.undo()
    assert document.recipe.passes[0].options == {}


def test_an_edit_that_ends_where_it_began_leaves_no_step(document: Document) -> None:
    document.add_pass("prune_magnitude")
    document.set_options(0, {"sparsity": 50.0}, changed="sparsity")
    document.set_options(0, {}, changed="sparsity")
    assert document.undo_stack.count() == 1


def test_another_runtime_starts_with_its_own_options(document: Document) -> None:
    document.set_options(None, {"anything": 1})
    document.set_target("runtime", "onnxruntime")
    assert document.recipe.target.options == {}


def test_saved_recipe_opens_the_same(document: Document, tmp_path: Path, qtbot: QtBot) -> None:
    document.add_pass("quantize")
    assert document.dirty
    with qtbot.waitSignal(document.dirty_changed):
        document.save_recipe(tmp_path / "mine.yaml")
    assert not document.dirty
    other = Document()
    other.open_recipe(tmp_path / "mine.yaml")
    assert other.recipe == document.recipe
    assert not other.dirty
    other.undo_stack.undo()
    assert other.recipe == Recipe()


def test_a_recipe_that_cannot_be_written_says_so(document: Document, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        document.save_recipe(tmp_path / "absent" / "mine.yaml")


def test_a_wrong_recipe_leaves_the_document_as_it_was(document: Document, tmp_path: Path) -> None:
    document.add_pass("quantize")
    before = document.recipe
    (tmp_path / "bad.yaml").write_text("version: 1\nsteps: []\n")
    with pytest.raises(UserError, match="steps"):
        document.open_recipe(tmp_path / "bad.yaml")
    assert document.recipe == before
    assert document.recipe_path is None


def test_predictions_follow_the_active_passes(document: Document, llama_info: CheckpointInfo) -> None:
    document.set_info(llama_info)
    document.add_pass("quantize")
    before, after = document.predictions()
    assert after.bytes < before.bytes
    document.set_enabled(0, False)
    assert len(document.predictions()) == 1


def test_session_comes_back(document: Document, llama_info: CheckpointInfo, qtbot: QtBot) -> None:
    keeper = SessionKeeper(document)
    document.set_info(llama_info)
    document.add_pass("quantize")
    qtbot.waitUntil(lambda: keeper.path().is_file(), timeout=3000)
    other = Document()
    assert SessionKeeper(other).restore() == llama_info.path
    assert other.recipe == document.recipe
    assert other.dirty
    assert not other.undo_stack.canUndo()


def test_unreadable_session_is_set_aside(document: Document) -> None:
    keeper = SessionKeeper(document)
    keeper.path().parent.mkdir(parents=True)
    keeper.path().write_text('{"recipe": {"passes": [{"pass": "gone"}]}}')
    assert keeper.restore() is None
    assert document.recipe == Recipe()
    assert list(keeper.path().parent.glob("*.unreadable.json"))


def test_pass_entries_keep_only_what_was_changed(document: Document) -> None:
    document.add_pass("quantize")
    assert document.recipe.passes == (PassEntry(**{"pass": "quantize"}),)
