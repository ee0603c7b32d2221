"""The last session, written shortly after every change, so that nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from engine import paths
from engine.protocol.errors import UserError
from engine.recipe.recipe import Recipe
from gui.document.document import Document

DELAY_MS = 400


class SessionKeeper(QObject):
    """Keeps HASTEN_HOME/session.json in step with a document."""

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self.save)
        for signal in (document.recipe_changed, document.checkpoint_changed, document.title_changed):
            signal.connect(self._timer.start)

    @staticmethod
    def path() -> Path:
        """The session file."""
        return paths.home() / "session.json"

    def save(self) -> None:
        """Write now."""
        self._timer.stop()
        document = self._document
        data = {
            "version": 1,
            "checkpoint": document.checkpoint,
            "recipe": document.recipe.model_dump(mode="json", by_alias=True),
            "recipe_path": str(document.recipe_path) if document.recipe_path else None,
            "dirty": document.dirty,
        }
        path = self.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        partial.replace(path)

    def restore(self) -> str | None:
        """Put the last session's recipe into the document; the checkpoint that was open, if it is still there.

        A session that can no longer be read is set aside under another name and the document stays as it is.
        """
        path = self.path()
        try:
            data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            recipe = Recipe.parse(data["recipe"], "session")
            file = Path(data["recipe_path"]) if data.get("recipe_path") else None
            checkpoint = data.get("checkpoint")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, UserError):
            path.replace(path.with_suffix(".unreadable.json"))
            return None
        self._document.restore(recipe, file, bool(data.get("dirty")))
        return checkpoint if checkpoint and Path(checkpoint).exists() else None
