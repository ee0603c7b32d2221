"""Take the differences away: a dialogue for the name, then a CSV or JSON file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QToolButton, QWidget

from engine.compare import differences
from engine.compare.table import Comparison
from gui.widgets.buttons import icon_button


def save_button() -> QToolButton:
    """The button that asks for it; whoever shows it connects it."""
    return icon_button("save", _tr("Save the differences as CSV or JSON…"))


def save_differences(comparison: Comparison, parent: QWidget) -> Path | None:
    """Ask for a name and write; where to, or None when the user changed their mind. Raises UserError."""
    name, kind = QFileDialog.getSaveFileName(
        parent, _tr("Save the differences"), "differences.csv", "CSV (*.csv);;JSON (*.json)"
    )
    if not name:
        return None
    path = Path(name)
    if not path.suffix:
        path = path.with_suffix(".json" if "json" in kind else ".csv")
    differences.write(comparison, path, replace=True)  # the dialogue has asked about a file that is there
    return path


def _tr(text: str) -> str:
    return QCoreApplication.translate("SaveDifferences", text)
