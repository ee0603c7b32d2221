"""Translation of texts that the engine owns: titles, helps, summaries, problems."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication


def engine_text(text: str) -> str:
    """`text` in the user's language if the translation knows it, else as the engine wrote it."""
    return QCoreApplication.translate("engine", text) if text else ""


def QT_TRANSLATE_NOOP(_context: str, text: str) -> str:
    """Mark `text` for translation later; PySide's own says that it returns an object."""
    return text
