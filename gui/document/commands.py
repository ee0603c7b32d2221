"""The one undo command: recipes are immutable, so every edit is a label, a before and an after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from engine.recipe.recipe import Recipe

if TYPE_CHECKING:
    from gui.document.document import Document

_MERGEABLE = 1


class EditRecipe(QUndoCommand):
    """Replace the recipe. Neighbouring edits with the same non-empty `merge` key become one undo step."""

    def __init__(self, document: Document, label: str, after: Recipe, *, merge: str = "") -> None:
        super().__init__(label)
        self._document, self._before, self._after, self._merge = document, document.recipe, after, merge

    def redo(self) -> None:
        """Apply the edit."""
        self._document._replace(self._after)

    def undo(self) -> None:
        """Take the edit back."""
        self._document._replace(self._before)

    def id(self) -> int:
        """-1 keeps the command apart from its neighbours."""
        return _MERGEABLE if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Absorb `other` if it edits the same thing; an edit that ends where it began vanishes."""
        if not isinstance(other, EditRecipe) or other._merge != self._merge:
            return False
        self._after = other._after
        self.setObsolete(self._after == self._before)
        return True
