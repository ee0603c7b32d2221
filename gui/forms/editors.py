"""One editor widget per kind of option. Each has `value`, `set_value` and a signal `edited`."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from engine.recipe.options import OptionField
from gui.theme.theme import font
from gui.translate import engine_text
from gui.widgets.buttons import icon_button
from gui.widgets.frames import row

_INT_LIMIT = 2_000_000_000


def editor_for(field: OptionField) -> Editor:
    """The editor that fits `field`."""
    kinds: dict[str, type[Editor]] = {
        "bool": BoolEditor,
        "int": IntEditor,
        "float": FloatEditor,
        "choice": ChoiceEditor,
        "texts": TextsEditor,
        "file": FileEditor,
    }
    kind = ChoiceEditor if field.kind == "bool" and field.optional else kinds.get(field.kind, TextEditor)
    made = kind(field)
    made.widget.setToolTip(engine_text(field.help))
    made.input.setAccessibleName(engine_text(field.title))
    made.input.setAccessibleDescription(engine_text(field.help))
    return made


def automatic() -> str:
    """What an option without a value shows."""
    return QCoreApplication.translate("forms", "automatic")


class Editor(QObject):
    """Base: `widget` is what the form places, `input` what takes the focus.

    Signals:
        edited: the user gave another value.
    """

    edited = Signal()
    widget: QWidget
    input: QWidget

    def __init__(self, field: OptionField) -> None:
        super().__init__()
        self.field = field

    def value(self) -> Any:
        """The value as the option set takes it; None is "automatic"."""
        raise TypeError("an editor has a value of its own")

    def set_value(self, value: Any) -> None:
        """Show `value` without emitting `edited`."""
        raise TypeError("an editor shows a value of its own")


class BoolEditor(Editor):
    """A check box."""

    def __init__(self, field: OptionField) -> None:
        super().__init__(field)
        self.widget = self.input = self._box = QCheckBox()
        self._box.toggled.connect(lambda _: self.edited.emit())

    def value(self) -> bool:
        """Whether it is checked."""
        return self._box.isChecked()

    def set_value(self, value: Any) -> None:
        """Check or uncheck."""
        self._box.blockSignals(True)
        self._box.setChecked(bool(value))
        self._box.blockSignals(False)


class _Patient:
    """A field that scrolls only when it has the focus, so that scrolling a form changes nothing."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the form unless focused."""
        if self.hasFocus():  # type: ignore[attr-defined]
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class SpinBox(_Patient, QSpinBox):
    """A whole number."""

    def __init__(self) -> None:
        super().__init__()
        self.lineEdit().setTextMargins(6, 0, 0, 0)  # the stylesheet's padding does not reach it


class DoubleSpinBox(_Patient, QDoubleSpinBox):
    """A real number, shown without trailing zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.lineEdit().setTextMargins(6, 0, 0, 0)

    def textFromValue(self, value: float) -> str:
        """Up to six decimals, as few as needed."""
        return self.locale().toString(value, "g", 7)


class ComboBox(_Patient, QComboBox):
    """A choice."""


class IntEditor(Editor):
    """A spin box; "automatic" lies one below the smallest value."""

    def __init__(self, field: OptionField) -> None:
        super().__init__(field)
        self.widget = self.input = self._box = SpinBox()
        low = int(field.minimum) if field.minimum is not None else (1 if field.optional else -_INT_LIMIT)
        high = int(field.maximum) if field.maximum is not None else _INT_LIMIT
        self._low = low
        self._box.setRange(low - 1 if field.optional else low, high)
        self._box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._box.setFont(font())
        self._box.setKeyboardTracking(False)
        if field.optional:
            self._box.setSpecialValueText(automatic())
        if field.unit:
            self._box.setSuffix(f" {engine_text(field.unit)}")
        self._box.valueChanged.connect(lambda _: self.edited.emit())

    def value(self) -> int | None:
        """The number."""
        number = self._box.value()
        return None if self.field.optional and number < self._low else number

    def set_value(self, value: Any) -> None:
        """Show a number; None is automatic."""
        self._box.blockSignals(True)
        self._box.setValue(self._low - 1 if value is None else int(value))
        self._box.blockSignals(False)


class FloatEditor(Editor):
    """A spin box for real numbers; the step follows the range."""

    def __init__(self, field: OptionField) -> None:
        super().__init__(field)
        self.widget = self.input = self._box = DoubleSpinBox()
        low = field.minimum if field.minimum is not None else (0.0 if field.optional else -1e12)
        high = field.maximum if field.maximum is not None else 1e12
        span = high - low
        self._step = 0.05 if span <= 2 else (1.0 if span <= 1000 else 10.0)
        self._low = low
        self._box.setDecimals(6)
        self._box.setRange(low - self._step if field.optional else low, high)
        self._box.setSingleStep(self._step)
        self._box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._box.setFont(font())
        self._box.setKeyboardTracking(False)
        if field.optional:
            self._box.setSpecialValueText(automatic())
        if field.unit:
            self._box.setSuffix(f" {engine_text(field.unit)}")
        self._box.valueChanged.connect(lambda _: self.edited.emit())

    def value(self) -> float | None:
        """The number."""
        number = self._box.value()
        return None if self.field.optional and number < self._low else number

    def set_value(self, value: Any) -> None:
        """Show a number; None is automatic."""
        self._box.blockSignals(True)
        self._box.setValue(self._box.minimum() if value is None else float(value))
        self._box.blockSignals(False)


class ChoiceEditor(Editor):
    """A combo box; the first entry is "automatic" where None is allowed."""

    def __init__(self, field: OptionField) -> None:
        super().__init__(field)
        self.widget = self.input = self._box = ComboBox()
        self._box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if field.optional:
            self._box.addItem(automatic(), None)
        if field.kind == "bool":
            self._box.addItem(QCoreApplication.translate("forms", "yes"), True)
            self._box.addItem(QCoreApplication.translate("forms", "no"), False)
        for choice in field.choices:
            text = engine_text(str(choice)).replace("_", " ")
            self._box.addItem(f"{text} {engine_text(field.unit)}".rstrip(), choice)
        self._box.currentIndexChanged.connect(lambda _: self.edited.emit())

    def value(self) -> Any:
        """The chosen value."""
        return self._box.currentData()

    def set_value(self, value: Any) -> None:
        """Choose `value`; a value that is not on offer leaves nothing chosen."""
        self._box.blockSignals(True)
        self._box.setCurrentIndex(next((i for i in range(self._box.count()) if self._box.itemData(i) == value), -1))
        self._box.blockSignals(False)


class TextEditor(Editor):
    """A line of text; empty means "automatic" where None is allowed."""

    def __init__(self, field: OptionField) -> None:
        super().__init__(field)
        self.widget = self.input = self._box = QLineEdit()
        if field.optional:
            self._box.setPlaceholderText(automatic())
        self._box.editingFinished.connect(self._on_finished)
        self._shown: Any = None

    def _on_finished(self) -> None:
        if self.value() != self._shown:
            self._shown = self.value()
            self.edited.emit()

    def value(self) -> str | None:
        """The text."""
        text = self._box.text().strip()
        return None if self.field.optional and not text else text

    def set_value(self, value: Any) -> None:
        """Show `value`."""
        self._shown = value
        if self._box.text() != (value or ""):
            self._box.setText("" if value is None else str(value))


class _Lines(QPlainTextEdit):
    left = Signal()

    def focusOutEvent(self, event: Any) -> None:
        super().focusOutEvent(event)
        self.left.emit()


class TextsEditor(Editor):
    """One text a line; taken over when the field is left."""

    def __init__(self, field: OptionField) -> None:
        super().__init__(field)
        box = _Lines()
        self.widget = self.input = self._box = box
        box.setFixedHeight(64)
        box.setTabChangesFocus(True)
        box.setPlaceholderText(QCoreApplication.translate("forms", "one per line"))
        box.setFont(font("body", mono=True))
        box.left.connect(self._on_left)
        self._shown: tuple[str, ...] | None = ()

    def _on_left(self) -> None:
        if self.value() != self._shown:
            self._shown = self.value()
            self.edited.emit()

    def value(self) -> tuple[str, ...] | None:
        """The lines that are not empty."""
        lines = tuple(line.strip() for line in self._box.toPlainText().splitlines() if line.strip())
        return None if self.field.optional and not lines else lines

    def set_value(self, value: Any) -> None:
        """Show one text a line."""
        self._shown = tuple(value) if value is not None else None
        text = "\n".join(value or ())
        if self._box.toPlainText() != text:
            self._box.setPlainText(text)


class FileEditor(TextEditor):
    """A path with a button that opens the file dialog."""

    def __init__(self, field: OptionField) -> None:
        super().__init__(field)
        self._browse = icon_button("folder", QCoreApplication.translate("forms", "Choose a file…"), self._choose)
        self.widget = QWidget()
        self.widget.setLayout(row(self._box, self._browse, spacing=4))
        self.input = self._box

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.widget, engine_text(self.field.title), self._box.text(), engine_text(self.field.file)
        )
        if path:
            self._box.setText(path)
            self._on_finished()
