"""What a finished run says: its facts, and where to go from here."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel

from engine.compare.format import format_ratio
from gui.numbers import duration, size
from gui.theme.icons import pixmap
from gui.theme.theme import follow_theme
from gui.widgets.buttons import button
from gui.widgets.frames import Card, row
from gui.widgets.text import label


class ResultCard(Card):
    """Hidden until a run has finished.

    Signals:
        compare, export: the user wants to go on with the result.
    """

    compare = Signal()
    export = Signal()

    def __init__(self) -> None:
        super().__init__(kind="note", spacing=8, margins=16)
        self._icon = QLabel()
        self._heading, self._facts = label("", "section"), label("", wrap=True, selectable=True)
        self.compare_button = button(self.tr("Compare"), self.compare.emit, kind="primary", icon="compare")
        self.compare_button.setToolTip(
            self.tr("Let the original and the result answer the same prompts, and measure both")
        )
        self.export_button = button(self.tr("Export…"), self.export.emit, icon="save")
        head = row(self._icon, self._heading, None, self.export_button, self.compare_button)
        head.setAlignment(self._icon, Qt.AlignmentFlag.AlignVCenter)
        self.body.addLayout(head)
        self.body.addWidget(self._facts)
        follow_theme(self, lambda: self._icon.setPixmap(pixmap("check", "good", 20, self.devicePixelRatioF())))
        self.hide()

    def show_result(self, result: dict[str, Any], seconds: float) -> None:
        """Show a RunJob's result; `seconds` is the wall time of the whole run."""
        before, after = result.get("size_before"), result.get("weight_bytes")
        self._heading.setText(self.tr("The optimised model is ready"))
        facts = []
        if before and after:
            facts.append(f"{size(before)} → {size(after)} ({format_ratio(after / before)})")
        made = sum(stage["state"] == "done" for stage in result.get("stages", []))
        cached = len(result.get("stages", [])) - made
        facts.append(self.tr("stages made: %1").replace("%1", str(made)))
        if cached:
            facts.append(self.tr("taken from the cache: %1").replace("%1", str(cached)))
        facts.append(self.tr("in %1").replace("%1", duration(seconds)))
        facts.append(self.tr("kept in History as %1").replace("%1", str(result["run"])))
        self._facts.setText(" · ".join(facts))
        self.show()
