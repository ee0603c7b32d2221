"""The settings as the window uses them: read at start, written at every change."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from PySide6.QtCore import QObject, Signal

from engine import paths
from gui.settings.model import RECENT_LIMIT, SettingsData, migrate


class Settings(QObject):
    """Settings with a signal; `data` holds the values.

    Signals:
        changed: the name of the setting that has a new value.
    """

    changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.data = self._read()

    @staticmethod
    def path() -> Path:
        """The settings file."""
        return paths.home() / "settings.json"

    def set(self, name: str, value: Any) -> None:
        """Give setting `name` a value and keep it. Raises pydantic's ValidationError for a value out of bounds."""
        if getattr(self.data, name) == value:
            return
        setattr(self.data, name, value)
        self._write()
        self.changed.emit(name)

    def add_recent(self, path: str) -> None:
        """Put checkpoint `path` first in the recent list."""
        self.set("recent", [path, *(p for p in self.data.recent if p != path)][:RECENT_LIMIT])

    def forget_recent(self, path: str) -> None:
        """Take checkpoint `path` off the recent list; nothing on disk is touched."""
        self.set("recent", [p for p in self.data.recent if p != path])

    @classmethod
    def _read(cls) -> SettingsData:
        path = cls.path()
        try:
            data = migrate(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return SettingsData()
        except (OSError, ValueError, AttributeError, KeyError):
            cls._set_aside(path)
            return SettingsData()
        try:
            return SettingsData.model_validate(data)
        except ValidationError as error:
            # Keep every value that is still understood; one bad entry must not reset the rest.
            bad = {item["loc"][0] for item in error.errors(include_url=False) if item["loc"]}
            cls._set_aside(path)
            return SettingsData.model_validate({key: value for key, value in data.items() if key not in bad})

    @staticmethod
    def _set_aside(path: Path) -> None:
        """Keep an unreadable file under another name, so that nothing of the user's is overwritten."""
        if path.is_file() and os.access(path.parent, os.W_OK):
            path.replace(path.with_suffix(".unreadable.json"))

    def _write(self) -> None:
        path = self.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".tmp")
        partial.write_text(self.data.model_dump_json(indent=1), encoding="utf-8")
        partial.replace(path)
