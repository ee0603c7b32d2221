"""Under which conditions was measured: what a reader needs to trust the figures, and to measure them again."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QWidget

from engine.compare.conditions import grouped
from engine.compare.table import Conditions
from gui.translate import engine_text
from gui.widgets.facts import Facts
from gui.widgets.frames import Card, clear, column, scrolled
from gui.widgets.text import label


class ConditionsView(QWidget):
    """The conditions in groups beside one another, or what will stand there."""

    def __init__(self) -> None:
        super().__init__()
        self._groups = QHBoxLayout()
        self._groups.setSpacing(12)
        self._groups.setContentsMargins(0, 0, 0, 0)
        found = QWidget()
        found.setLayout(self._groups)
        heading = label(self.tr("Not measured yet"), "section")
        why = label(
            self.tr("Once measured: the machine, its load, versions, and how many rounds were timed and how."),
            "muted",
            wrap=True,
        )
        self._stack = QStackedLayout(self)
        self._stack.addWidget(Card(None, heading, why, None, kind="pane", margins=16))
        self._stack.addWidget(found)

    def show_conditions(self, conditions: Conditions) -> None:
        """Show what is known of a comparison's conditions."""
        clear(self._groups)
        groups = grouped(conditions)
        self._stack.setCurrentIndex(int(bool(groups)))
        for name, rows in groups.items():
            inside = QWidget()
            facts = Facts([(engine_text(title), engine_text(value), "") for title, value in rows])
            layout = column(label(engine_text(name), "section"), facts, None, spacing=8)
            layout.setContentsMargins(8, 8, 20, 8)  # room for the scroll bar
            inside.setLayout(layout)
            self._groups.addWidget(Card(scrolled(inside), kind="pane", margins=4), 1)
