"""The window, started so that another process can ask what is on the screen. Run as `python -m tests.e2e.watched`.

It answers each line on its standard input with one line of JSON: every visible accessible object with its role, name,
value, rectangle in physical pixels and state. Nothing is pressed from in here: mouse and keys come from the X server.
"""

from __future__ import annotations

import faulthandler
import json
import sys
from typing import Any

from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QApplication, QWidget

from gui.app import create_application, main

DEEPEST, MOST_CHILDREN = 40, 400


def screen() -> list[dict[str, Any]]:
    """What is visible, windows in the order of the stack, each object before those inside it."""
    popup, modal = QApplication.activePopupWidget(), QApplication.activeModalWidget()
    found: list[dict[str, Any]] = []
    for widget in [popup] if popup else [modal] if modal else QApplication.topLevelWidgets():
        if widget.isVisible() and widget.width() > 1:
            interface = QAccessible.queryAccessibleInterface(widget)
            if interface is not None:
                _walk(interface, widget, found, 0)
    return found


def _walk(interface: QAccessibleInterface, window: QWidget, found: list[dict[str, Any]], depth: int) -> None:
    state = interface.state()
    if not interface.isValid() or state.invisible or depth > DEEPEST:
        return
    rect, ratio = interface.rect(), window.devicePixelRatio()
    found.append(
        {
            "role": interface.role().name,
            "name": interface.text(QAccessible.Text.Name),
            "value": interface.text(QAccessible.Text.Value),
            "rect": [round(side * ratio) for side in (rect.x(), rect.y(), rect.width(), rect.height())],
            "enabled": not state.disabled,
            "focused": bool(state.focused),
            "checked": bool(state.checked),
            "offscreen": bool(state.offscreen),
            "window": window.windowTitle(),
        }
    )
    for place in range(min(interface.childCount(), MOST_CHILDREN)):
        child = interface.child(place)
        if child is not None:
            _walk(child, window, found, depth + 1)


def _answer() -> None:
    line = sys.stdin.readline()
    if not line:
        QApplication.quit()
        return
    sys.stdout.write(json.dumps(screen()) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    faulthandler.enable()
    create_application()
    notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(_answer)
    sys.exit(main())
