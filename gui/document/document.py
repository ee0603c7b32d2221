"""The open checkpoint and recipe. Every edit is a named, undoable command; views refresh from the signals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from engine.checkpoint.info import CheckpointInfo
from engine.passes import catalog as passes
from engine.protocol.errors import UserError
from engine.recipe import validate
from engine.recipe.recipe import PassEntry, Recipe
from gui.document.commands import EditRecipe
from gui.document.names import model_name
from gui.translate import engine_text


class Document(QObject):
    """The checkpoint and the recipe that every page works on.

    Attributes:
        undo_stack: the edits of the recipe, in order.
        recipe_path: the file the recipe was read from or saved to, or None.
        candidates: what the Compare page compares: checkpoint folders or run ids, the reference first.

    Signals:
        checkpoint_changed: another checkpoint, or none, is open.
        recipe_changed: the recipe differs from before; read it from `recipe`.
        dirty_changed: whether the recipe has edits that no file holds.
        title_changed: the model's or recipe file's name changed.
        candidates_changed: other models are to be compared.
    """

    checkpoint_changed = Signal()
    recipe_changed = Signal()
    dirty_changed = Signal(bool)
    title_changed = Signal()
    candidates_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._info: CheckpointInfo | None = None
        self._recipe = Recipe()
        self.recipe_path: Path | None = None
        self.candidates: tuple[str, ...] = ()
        self.undo_stack = QUndoStack(self)
        self.undo_stack.cleanChanged.connect(self._on_clean_changed)

    # The checkpoint -------------------------------------------------------------------------------------------

    @property
    def info(self) -> CheckpointInfo | None:
        """The open checkpoint's facts, or None."""
        return self._info

    @property
    def checkpoint(self) -> str | None:
        """The open checkpoint's folder, or None."""
        return self._info.path if self._info else None

    @property
    def model_name(self) -> str:
        """The open checkpoint's name for people; empty when none is open."""
        return model_name(self._info.path) if self._info else ""

    def open_checkpoint(self, path: str | Path) -> None:
        """Inspect the checkpoint folder at `path` and make it the open one. Raises UserError."""
        from engine.checkpoint.inspect import inspect

        # runs name the folder itself, as the engine does, not a link to it
        self.set_info(inspect(Path(path).expanduser().resolve()))

    def set_info(self, info: CheckpointInfo | None) -> None:
        """Make an inspected checkpoint the open one; None closes it."""
        self._info = info
        self.checkpoint_changed.emit()
        self.title_changed.emit()

    def set_candidates(self, *references: str) -> None:
        """Compare these checkpoint folders or run ids from now on; the first is the reference."""
        self.candidates = references
        self.candidates_changed.emit()

    # The recipe -----------------------------------------------------------------------------------------------

    @property
    def recipe(self) -> Recipe:
        """The recipe as it stands."""
        return self._recipe

    @property
    def dirty(self) -> bool:
        """Whether the recipe has edits that no file holds."""
        return not self.undo_stack.isClean()

    def add_pass(self, name: str, index: int | None = None) -> int:
        """Insert pass `name` with its default options at `index` (the end); the position it got."""
        entries = list(self._recipe.passes)
        index = len(entries) if index is None else index
        entries.insert(index, PassEntry(**{"pass": name}))
        self._push(self.tr("Add %1").replace("%1", self._title(name)), self._with(entries))
        return index

    def remove_pass(self, index: int) -> None:
        """Take the pass at `index` out."""
        entries = list(self._recipe.passes)
        entry = entries.pop(index)
        self._push(self.tr("Remove %1").replace("%1", self._title(entry.name)), self._with(entries))

    def move_pass(self, index: int, to: int) -> None:
        """Move the pass at `index` so that it stands at `to`."""
        entries = list(self._recipe.passes)
        to = max(0, min(to, len(entries) - 1))
        if to == index:
            return
        entry = entries.pop(index)
        entries.insert(to, entry)
        self._push(self.tr("Move %1").replace("%1", self._title(entry.name)), self._with(entries))

    def set_enabled(self, index: int, enabled: bool) -> None:
        """Switch the pass at `index` on or off."""
        entries = list(self._recipe.passes)
        entry = entries[index]
        if entry.enabled == enabled:
            return
        entries[index] = entry.model_copy(update={"enabled": enabled})
        label = self.tr("Switch on %1") if enabled else self.tr("Switch off %1")
        self._push(label.replace("%1", self._title(entry.name)), self._with(entries))

    def set_options(self, index: int | None, values: Mapping[str, Any], changed: str = "") -> None:
        """Give card `index` (None: the target) the options `values`, which hold only what differs from the defaults.

        `changed` names the option under edit, so that typing a number is one undo step.
        """
        if index is None:
            target = self._recipe.target.model_copy(update={"options": dict(values)})
            after = self._recipe.model_copy(update={"target": target})
            label = self.tr("Change the runtime's options")
        else:
            entries = list(self._recipe.passes)
            entries[index] = entries[index].model_copy(update={"options": dict(values)})
            after = self._with(entries)
            label = self.tr("Change %1").replace("%1", self._title(entries[index].name))
        self._push(label, after, merge=f"{index}/{changed}" if changed else "")

    def keep_precise(self, pattern: str, title: str) -> bool:
        """Leave the layers that `pattern` names out of every quantization in force (empty: embedding and head), as one
        undo step called after `title`; whether there was anything to change."""
        entries = list(self._recipe.passes)
        for index, entry in enumerate(entries):
            if entry.name != "quantize" or not entry.enabled:
                continue
            options = {key: value for key, value in entry.options.items() if pattern or key != "head"}
            left_out = list(options.get("exclude", ()))
            if pattern and pattern not in left_out:
                options["exclude"] = [*left_out, pattern]
            entries[index] = entry.model_copy(update={"options": options})
        after = self._with(entries)
        if after == self._recipe:
            return False
        self._push(self.tr("Keep %1 in higher precision").replace("%1", title), after)
        return True

    def set_target(self, changed: str, value: Any) -> None:
        """Change one field of the target; another runtime starts with its own default options."""
        update = {changed: value}
        if changed == "runtime":
            update["options"] = {}
        target = self._recipe.target.model_copy(update=update)
        self._push(
            self.tr("Change the target"),
            self._recipe.model_copy(update={"target": target}),
            merge="" if changed == "runtime" else f"target/{changed}",
        )

    def apply_preset(self, recipe: Recipe, title: str) -> None:
        """Replace the recipe by a preset's."""
        self._push(self.tr("Apply preset %1").replace("%1", title), recipe)

    def apply_fix(self, fix: validate.Fix) -> None:
        """Apply the remedy of a problem."""
        self._push(engine_text(fix.label), fix.apply(self._recipe))

    def new_recipe(self) -> None:
        """Start over with an empty recipe; undoable."""
        self._push(self.tr("Clear the recipe"), Recipe())

    # Files ----------------------------------------------------------------------------------------------------

    def open_recipe(self, path: Path) -> None:
        """Replace the recipe by the one in file `path`; undoable. Raises UserError."""
        recipe = Recipe.read(path)
        self._push(self.tr("Open %1").replace("%1", path.name), recipe)
        self.recipe_path = path
        self.undo_stack.setClean()
        self.title_changed.emit()

    def save_recipe(self, path: Path) -> None:
        """Write the recipe to `path` as YAML, whole or not at all. Raises UserError."""
        partial = path.with_name(path.name + ".tmp")
        try:
            partial.write_text(self._recipe.to_yaml(), encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise UserError(
                f"The recipe cannot be written: {error.strerror}.",
                "Choose another folder.",
                where=str(path),
                code="not_writable",
            ) from error
        self.recipe_path = path
        self.undo_stack.setClean()
        self.title_changed.emit()

    def restore(self, recipe: Recipe, path: Path | None, dirty: bool) -> None:
        """Take over a recipe from an earlier session, without an undo step."""
        self.undo_stack.clear()
        self.recipe_path = path
        self._replace(recipe)
        if dirty:
            self.undo_stack.resetClean()
        self.title_changed.emit()

    # What follows from both -----------------------------------------------------------------------------------

    def problems(self) -> list[validate.Problem]:
        """What is wrong or noteworthy about the recipe for the open checkpoint."""
        return validate.problems(self._recipe, self._info)

    def predictions(self) -> list[CheckpointInfo]:
        """The layout before the first and after each active pass; empty when it cannot be foreseen."""
        if self._info is None or any(p.severity == "stop" and p.index is not None for p in self.problems()):
            return []
        return validate.predict(self._recipe, self._info)

    def _on_clean_changed(self, clean: bool) -> None:
        self.dirty_changed.emit(not clean)

    def _title(self, name: str) -> str:
        return engine_text(passes.get(name).title)

    def _with(self, entries: list[PassEntry]) -> Recipe:
        return self._recipe.model_copy(update={"passes": tuple(entries)})

    def _push(self, label: str, after: Recipe, *, merge: str = "") -> None:
        if after != self._recipe:
            self.undo_stack.push(EditRecipe(self, label, after, merge=merge))

    def _replace(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self.recipe_changed.emit()
