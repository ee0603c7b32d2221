"""A form shows what an option set declares and gives back only what differs from the defaults."""

from __future__ import annotations

from typing import ClassVar, Literal

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QPlainTextEdit, QSpinBox
from pytestqt.qtbot import QtBot

from engine.passes.catalog import all_passes
from engine.recipe.options import OnlyWith, Options, fields_of, option, parse_options
from engine.runtimes.catalog import all_runtimes
from gui.forms.form import Form


class Everything(Options):
    flag: bool = option(False, "Flag", "Whether.")
    count: int = option(3, "Count", "How many.", ge=1, le=9)
    share: float = option(0.5, "Share", "How much.", unit="%", ge=0.0, le=1.0)
    kind: Literal["a", "b"] = option("a", "Kind", "Which.")
    limit: int | None = option(None, "Limit", "At most.", ge=2)
    choice: Literal[4, 8] | None = option(None, "Bits", "Width.")
    words: str = option("", "Words", "What.", advanced=True)
    patterns: tuple[str, ...] = option((), "Patterns", "Which layers.", advanced=True)
    text: str | None = option(None, "Text", "From where.", file="Text (*.txt)")


class Dependent(Options):
    only_with: ClassVar[OnlyWith] = {"depth": ("kind", ("b",)), "words": ("kind", ("b",))}

    kind: Literal["a", "b"] = option("a", "Kind", "Which.")
    depth: int = option(3, "Depth", "How deep.")
    words: str = option("", "Words", "What.", advanced=True)
    other: str = option("", "Other", "What else.", advanced=True)


@pytest.fixture
def form(qtbot: QtBot) -> Form:
    made = Form(Everything)
    qtbot.addWidget(made)
    made.show()
    return made


def test_kinds_bounds_units_and_help(form: Form) -> None:
    inputs = {name: editor.input for name, editor in form.editors.items()}
    kinds = {name: type(widget).__mro__ for name, widget in inputs.items()}
    for name, kind in {
        "flag": QCheckBox, "count": QSpinBox, "share": QDoubleSpinBox, "kind": QComboBox, "limit": QSpinBox,
        "choice": QComboBox, "words": QLineEdit, "patterns": QPlainTextEdit, "text": QLineEdit,
    }.items():  # fmt: skip
        assert kind in kinds[name], name
    assert (inputs["count"].minimum(), inputs["count"].maximum()) == (1, 9)
    assert inputs["share"].suffix().strip() == "%"
    assert inputs["limit"].text() == "automatic"
    assert inputs["count"].accessibleName() == "Count"
    assert form.editors["count"].widget.toolTip() == "How many."


def test_edits_give_only_what_differs(form: Form, qtbot: QtBot) -> None:
    with qtbot.waitSignal(form.edited) as signal:
        form.editors["flag"].input.click()
    assert signal.args == ["flag", {"flag": True}]
    with qtbot.waitSignal(form.edited) as signal:
        form.editors["choice"].input.setCurrentIndex(2)
    assert signal.args == ["choice", {"flag": True, "choice": 8}]
    with qtbot.waitSignal(form.edited) as signal:
        form.editors["flag"].input.click()
    assert signal.args == ["flag", {"choice": 8}]


def test_lines_are_taken_over_when_the_field_is_left(form: Form, qtbot: QtBot) -> None:
    form.fold.click()
    box = form.editors["patterns"].input
    box.setFocus()
    QTest.keyClicks(box, "*.mlp.*")
    QTest.keyClick(box, Qt.Key.Key_Return)
    QTest.keyClicks(box, "*.down")
    with qtbot.waitSignal(form.edited) as signal:
        box.left.emit()
    assert signal.args[1] == {"patterns": ["*.mlp.*", "*.down"]}


def test_a_number_typed_and_a_number_made_automatic_again(form: Form, qtbot: QtBot) -> None:
    box = form.editors["limit"].input
    with qtbot.waitSignal(form.edited) as signal:
        box.setValue(7)
    assert signal.args[1] == {"limit": 7}
    with qtbot.waitSignal(form.edited) as signal:
        box.setValue(box.minimum())
    assert signal.args[1] == {}


def test_showing_values_emits_nothing(form: Form, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(form.edited):
        form.show_values({"flag": True, "count": 5, "patterns": ["x"], "limit": 4, "text": "/tmp/a.txt"})
    assert form.editors["count"].value() == 5
    assert form.editors["patterns"].value() == ("x",)


def test_advanced_options_are_folded(form: Form) -> None:
    assert not form.editors["words"].input.isVisible()
    form.fold.click()
    assert form.editors["words"].input.isVisible()


def test_options_without_effect_are_hidden(qtbot: QtBot) -> None:
    made = Form(Dependent)
    qtbot.addWidget(made)
    made.show()
    made.fold.click()
    assert [name for name, editor in made.editors.items() if editor.input.isVisible()] == ["kind", "other"]
    assert not any(term.isVisible() for term in made.findChildren(QLabel) if term.text() in ("Depth", "Words"))
    made.editors["kind"].input.setCurrentIndex(1)
    assert all(editor.input.isVisible() for editor in made.editors.values())
    made.show_values({"depth": 7})
    assert not made.editors["depth"].input.isVisible()
    made.show_values({"kind": "b"})
    assert made.editors["depth"].input.isVisible()


@pytest.mark.parametrize("spec", [*all_passes().values(), *all_runtimes().values()], ids=lambda spec: spec.name)
def test_every_catalogued_form_gives_its_defaults_back(qtbot: QtBot, spec) -> None:
    made = Form(spec.options)
    qtbot.addWidget(made)
    values = {field.name: made.editors[field.name].value() for field in fields_of(spec.options)}
    assert parse_options(spec.options, values, spec.name) == spec.options()
