"""The theme in force: which tokens apply, and a signal when they change. Follows the system unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

from PySide6.QtCore import SIGNAL, QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from gui.theme.stylesheet import stylesheet
from gui.theme.tokens import BODY, CAPTION, DARK, LIGHT, SECTION, TITLE, Tokens

Choice = Literal["system", "light", "dark"]
_SIZES = {"strong": BODY, "title": TITLE, "section": SECTION, "body": BODY, "caption": CAPTION}


class Theme(QObject):
    """The colours in force.

    Attributes:
        tokens: the scheme in force.

    Signals:
        changed: the tokens are others now; repaint what does not follow the stylesheet (icons, charts).
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._choice: Choice = "system"
        self.tokens = LIGHT

    def start(self, choice: Choice) -> None:
        """Style the application and begin to follow the system. Call once, after QApplication exists."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.setStyle("Fusion")
        app.setFont(font("body"))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        self.choose(choice)

    @property
    def choice(self) -> Choice:
        """What the user chose."""
        return self._choice

    def choose(self, choice: Choice) -> None:
        """Follow the system, or keep to light or dark."""
        self._choice = choice
        dark = choice == "dark" or (
            choice == "system" and QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        )
        self._apply(DARK if dark else LIGHT)

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self.choose("system")

    def _apply(self, tokens: Tokens) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self.tokens = tokens
        app.setPalette(_palette(tokens))
        app.setStyleSheet(stylesheet(tokens))
        self.changed.emit()


@cache
def theme() -> Theme:
    """The application's one theme."""
    return Theme()


def follow_theme(widget: QObject, paint: Callable[[], None]) -> None:
    """Call `paint` now and after every change of the theme, as long as `widget` lives."""
    paint()
    QObject.connect(theme(), SIGNAL("changed()"), widget, paint)


def font(role: str = "body", *, bold: bool = False, mono: bool = False) -> QFont:
    """The font of a text role ("title", "section", "body", "caption"), with figures of equal width."""
    made = QFont(QGuiApplication.font())
    if mono:
        made.setFamilies(
            ["ui-monospace", "SF Mono", "Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", "monospace"]
        )
        made.setStyleHint(QFont.StyleHint.Monospace)
    made.setPixelSize(_SIZES[role])
    made.setWeight(QFont.Weight.DemiBold if bold or role in ("title", "section", "strong") else QFont.Weight.Normal)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made


def colour(name: str) -> QColor:
    """The token `name` of the scheme in force."""
    return QColor(getattr(theme().tokens, name))


def _palette(t: Tokens) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: t.background,
        QPalette.ColorRole.WindowText: t.text,
        QPalette.ColorRole.Base: t.surface,
        QPalette.ColorRole.AlternateBase: t.background,
        QPalette.ColorRole.Text: t.text,
        QPalette.ColorRole.PlaceholderText: t.muted,
        QPalette.ColorRole.Button: t.surface,
        QPalette.ColorRole.ButtonText: t.text,
        QPalette.ColorRole.ToolTipBase: t.surface,
        QPalette.ColorRole.ToolTipText: t.text,
        QPalette.ColorRole.Highlight: t.accent,
        QPalette.ColorRole.HighlightedText: t.on_accent,
        QPalette.ColorRole.Link: t.accent,
        QPalette.ColorRole.Mid: t.border,
        QPalette.ColorRole.Accent: t.accent,
    }
    for role, value in roles.items():
        palette.setColor(role, QColor(value))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(t.muted))
    return palette
