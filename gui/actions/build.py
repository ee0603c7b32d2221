"""QActions and menus from the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenuBar, QWidget

from gui.actions.catalog import ACTIONS, MENUS, translated
from gui.theme.icons import icon
from gui.theme.theme import follow_theme


def build_actions(window: QWidget, handlers: Mapping[str, Callable[[], object]]) -> dict[str, QAction]:
    """One QAction per entry of the catalogue, connected to its handler. A missing handler raises KeyError."""
    made: dict[str, QAction] = {}
    for entry in ACTIONS:
        action = QAction(translated(entry.text), window)
        action.setObjectName(entry.name)
        if entry.keys:
            action.setShortcut(QKeySequence(entry.keys))
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        handler = handlers[entry.name]
        action.triggered.connect(lambda _=False, handler=handler: handler())
        if entry.icon:
            follow_theme(action, partial(_paint, action, entry.icon))
        window.addAction(action)
        made[entry.name] = action
    return made


def _paint(action: QAction, name: str) -> None:
    action.setIcon(icon(name))


def fill_menu_bar(bar: QMenuBar, actions: Mapping[str, QAction]) -> None:
    """One menu per entry of MENUS."""
    menus = {name: bar.addMenu(translated(name)) for name in MENUS}
    for entry in ACTIONS:
        if entry.separated:
            menus[entry.menu].addSeparator()
        menus[entry.menu].addAction(actions[entry.name])
