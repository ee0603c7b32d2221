"""Buttons: verbs, with a kind, an icon that follows the theme and a name for screen readers."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QToolButton

from gui.theme.icons import set_icon


def button(
    text: str,
    on_click: Callable[[], object] | None = None,
    *,
    kind: str = "",
    icon: str = "",
    tooltip: str = "",
) -> QPushButton:
    """A push button; `kind` is "primary", "quiet", "danger" or plain."""
    made = QPushButton(text)
    if kind:
        made.setProperty("kind", kind)
    if icon:
        set_icon(made, icon, "on_accent" if kind == "primary" else "text")
    made.setToolTip(tooltip)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if on_click is not None:
        made.clicked.connect(lambda: on_click())
    return made


def icon_button(
    icon: str, name: str, on_click: Callable[[], object] | None = None, *, token: str = "muted"
) -> QToolButton:
    """A square button with an icon only; `name` is its tooltip and its name for screen readers."""
    made = QToolButton()
    made.setProperty("kind", "icon")
    set_icon(made, icon, token)
    made.setToolTip(name)
    made.setAccessibleName(name)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the focus where the user works
    if on_click is not None:
        made.clicked.connect(lambda: on_click())
    return made
