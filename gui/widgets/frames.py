"""Frames and layouts on the 4-pixel grid."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLayout, QScrollArea, QVBoxLayout, QWidget

Item = QWidget | QLayout | int | None
L = TypeVar("L", QVBoxLayout, QHBoxLayout)


def column(*items: Item, spacing: int = 8, margins: int | tuple[int, int, int, int] = 0) -> QVBoxLayout:
    """A vertical layout. An int is that much empty space, None takes what is left."""
    return _fill(QVBoxLayout(), items, spacing, margins)


def row(*items: Item, spacing: int = 8, margins: int | tuple[int, int, int, int] = 0) -> QHBoxLayout:
    """A horizontal layout. An int is that much empty space, None takes what is left."""
    return _fill(QHBoxLayout(), items, spacing, margins)


def _fill(box: L, items: tuple[Item, ...], spacing: int, margins: int | tuple[int, int, int, int]) -> L:
    box.setSpacing(spacing)
    box.setContentsMargins(*((margins,) * 4 if isinstance(margins, int) else margins))
    for item in items:
        if item is None:
            box.addStretch(1)
        elif isinstance(item, int):
            box.addSpacing(item)
        elif isinstance(item, QLayout):
            box.addLayout(item)
        else:
            box.addWidget(item)
    return box


class Card(QFrame):
    """A surface with a hairline border. `kind` is "card", "pane", "note", "warning", "problem" or "bar"."""

    def __init__(self, *items: Item, kind: str = "card", spacing: int = 8, margins: int = 16) -> None:
        super().__init__()
        self.setProperty("kind", kind)
        self.body = column(*items, spacing=spacing, margins=margins)
        self.setLayout(self.body)


def line() -> QFrame:
    """A hairline."""
    made = QFrame()
    made.setProperty("kind", "line")
    made.setFixedHeight(1)
    return made


def scrolled(inner: QWidget) -> QScrollArea:
    """`inner` in a vertical scroll area without a frame."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(inner)
    return area


def clear(layout: QLayout) -> None:
    """Take everything out of `layout` and delete it."""
    while layout.count():
        item = layout.takeAt(0)
        if item is None:
            return
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
        elif inner is not None:
            clear(inner)
