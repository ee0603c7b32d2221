"""Line icons: SVG files drawn in currentColor, coloured by the theme in force."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QDir, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

from engine import paths
from gui.theme.theme import follow_theme, theme
from gui.theme.tokens import DARK, LIGHT

# Icons that the stylesheet names by file, and the token that colours them.
_BY_FILE = {"chevron-up": "muted", "chevron-down": "muted", "check": "on_accent"}


def folder() -> Path:
    """Where the icons lie."""
    return paths.resources() / "icons"


def icon(name: str, token: str = "text") -> QIcon:
    """Icon `name` in colour `token` of the scheme in force; muted when disabled."""
    tokens = theme().tokens
    return _icon(name, getattr(tokens, token), tokens.muted)


def pixmap(name: str, token: str = "text", size: int = 16, ratio: float = 1.0) -> QPixmap:
    """Icon `name` as a picture of `size` × `size` logical pixels for a screen of device pixel ratio `ratio`."""
    return icon(name, token).pixmap(QSize(size, size), ratio)


def app_icon() -> QIcon:
    """The application's own icon."""
    return QIcon(str(folder() / "app.svg"))


def set_icon(button: QAbstractButton, name: str, token: str = "text", size: int = 16) -> None:
    """Give `button` an icon that follows the theme."""

    gap = 6 if button.text() else 0

    def paint() -> None:
        tokens = theme().tokens
        button.setIcon(_icon(name, getattr(tokens, token), tokens.muted, gap / size))

    button.setIconSize(QSize(size + gap, size))
    follow_theme(button, paint)


def install_stylesheet_icons() -> None:
    """Write the icons that the stylesheet names by file, once per scheme, and tell Qt where they are."""
    target = paths.home() / "cache" / "icons"
    for tokens in (LIGHT, DARK):
        there = target / tokens.name
        there.mkdir(parents=True, exist_ok=True)
        for name, token in _BY_FILE.items():
            text = _source(name, getattr(tokens, token))
            path = there / f"{name}.svg"
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
    QDir.setSearchPaths("icons", [str(target)])


@lru_cache(maxsize=64)
def _text(name: str) -> str:
    return (folder() / f"{name}.svg").read_text(encoding="utf-8")


def _source(name: str, colour: str) -> str:
    return _text(name).replace("currentColor", colour)


@lru_cache(maxsize=512)
def _icon(name: str, colour: str, disabled: str, gap: float = 0.0) -> QIcon:
    made = QIcon()
    for size in (16, 20, 24, 32, 48, 64):
        made.addPixmap(_draw(name, colour, size, gap))
        made.addPixmap(_draw(name, disabled, size, gap), QIcon.Mode.Disabled)
    return made


def _draw(name: str, colour: str, size: int, gap: float) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(_source(name, colour).encode()))
    drawn = QPixmap(round(size * (1 + gap)), size)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return drawn
