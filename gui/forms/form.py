"""A form for one option set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from engine.recipe.options import OptionField, Options, fields_of
from gui.forms.editors import Editor, editor_for
from gui.translate import engine_text
from gui.widgets.buttons import button
from gui.widgets.frames import column
from gui.widgets.text import label

_WIDE = ("texts", "file")


class Form(QWidget):
    """Labels left, editors right; advanced options folded, those without effect hidden.

    Attributes:
        editors: the editors by option name.

    Signals:
        edited(str, dict): the option that the user changed, and all values that differ from the defaults.
    """

    edited = Signal(str, dict)

    def __init__(self, options: type[Options], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.options = options
        self.editors: dict[str, Editor] = {}
        self._terms: dict[str, QLabel] = {}
        fields = list(fields_of(options))
        plain = [field for field in fields if not field.advanced]
        folded = [field for field in fields if field.advanced]
        self._values: dict[str, Any] = {}
        layout = column(self._section(plain), spacing=8)
        self.fold = None
        if folded:
            self._more = self._section(folded)
            self._more.hide()
            self.fold = button(self.tr("More options…"), kind="link")
            self.fold.setCheckable(True)
            self.fold.toggled.connect(self._on_folded)
            layout.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)
            layout.addWidget(self._more)
        self.setLayout(layout)
        self.show_values({})

    def show_values(self, values: Mapping[str, Any]) -> None:
        """Show `values`, with the defaults for what they do not name; emits nothing."""
        self._values = dict(values)
        for name, editor in self.editors.items():
            editor.set_value(values.get(name, editor.field.default))
        self._hide_without_effect()

    def _hide_without_effect(self) -> None:
        for name, editor in self.editors.items():
            if editor.field.only_with is not None:
                other, values = editor.field.only_with
                shown = self.editors[other].value() in values
                self._terms[name].setVisible(shown)
                editor.widget.setVisible(shown)

    def _section(self, fields: list[OptionField]) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 2)
        grid.setColumnStretch(1, 3)
        for field in fields:
            editor = self.editors[field.name] = editor_for(field)
            editor.setParent(self)
            editor.edited.connect(lambda name=field.name: self._on_edited(name))
            term = self._terms[field.name] = label(engine_text(field.title), wrap=True)
            term.setToolTip(engine_text(field.help))
            term.setBuddy(editor.input)
            line = grid.rowCount()
            if field.kind in _WIDE:
                grid.addWidget(term, line, 0, 1, 2)
                grid.addWidget(editor.widget, line + 1, 0, 1, 2)
            else:
                grid.addWidget(term, line, 0)
                grid.addWidget(editor.widget, line, 1)
        return box

    def _on_edited(self, name: str) -> None:
        editor = self.editors[name]
        value = editor.value()
        default = editor.field.default
        same = tuple(value) == tuple(default or ()) if isinstance(value, tuple) else value == default
        self._values.pop(name, None)
        if not same:
            self._values[name] = list(value) if isinstance(value, tuple) else value
        self._hide_without_effect()
        self.edited.emit(name, dict(self._values))

    def _on_folded(self, opened: bool) -> None:
        assert self.fold is not None
        self._more.setVisible(opened)
        self.fold.setText(self.tr("Fewer options") if opened else self.tr("More options…"))
