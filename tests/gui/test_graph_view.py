"""The report about each compared run's graph is shown, sorted and explained."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from engine.compare.graph import GraphReport, report_of
from gui.pages.compare.graph import Compiled, GraphView


def _report(products: int) -> GraphReport:
    return report_of(
        "ONNX Runtime 1.0",
        Counter({"MatMul": products, "Add": 1000, "Cast": 3}),
        {"MatMul": Counter({"int8": products - 1, "float32": 1}), "Norm": Counter({"float32": 61}), "Cast": Counter()},
        fused={"Norm"},
        folded=2,
        weights={"int8": products - 1, "float32": 1},
        providers={"CPUExecutionProvider": 64},
        fallback={},
    )


def _column(view: QTableView, place: int) -> list[str]:
    model = view.model()
    return [model.index(row, place).data() for row in range(model.rowCount())]


def test_every_report_can_be_read(qtbot: QtBot, styled: None) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.set_models([Compiled("original"), Compiled("eight bits", _report(151)), Compiled("other", _report(31))])
    assert view.headline.text() == "1,154 → 212 nodes"
    assert view.facts.text().split("\n\n") == [
        "Fused, one node for several: 61 × Norm",
        "Worked out beforehand, kept as constants: 2",
        "Weights: 150 × int8, 1 × float32",
    ]
    assert [view.pick.itemText(place) for place in range(view.pick.count())] == ["eight bits", "other"]
    view.pick.setCurrentIndex(1)
    assert view.report == _report(31)
    assert view.headline.text() == "1,034 → 92 nodes"


def test_operators_are_sorted_by_keyboard(qtbot: QtBot, styled: None) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.set_models([Compiled("eight bits", _report(151))])
    view.show()
    view.view.setFocus()
    qtbot.waitUntil(view.view.hasFocus)
    assert _column(view.view, 0) == ["MatMul", "Norm", "Add", "Cast"]
    assert _column(view.view, 3)[0] == "int8, float32"
    assert _column(view.view, 4) == ["–", "yes", "–", "–"]
    view.view.setCurrentIndex(view.view.model().index(0, 1))
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(view.view, Qt.Key.Key_Up, keys)
    assert _column(view.view, 1) == ["1,000", "151", "3", "0"]
    qtbot.keyClick(view.view, Qt.Key.Key_Down, keys)
    assert _column(view.view, 1) == ["0", "3", "151", "1,000"]


def test_without_a_report_it_says_what_has_one(qtbot: QtBot, styled: None) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.set_models([Compiled("original"), Compiled("compiled")])
    assert view.report is None
    assert "ONNX Runtime, OpenVINO" in view._why_not.text()
    view.set_models([Compiled("original"), Compiled("eight bits", outdated=True)])
    assert "“eight bits” was built before" in view._why_not.text()
