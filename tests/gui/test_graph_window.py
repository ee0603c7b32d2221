"""The compiled graph is laid out in layers, unfolds, is searched and told of, by mouse and by keyboard."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.compare.compiled import CompiledGraph, Node, State
from engine.compare.modules import Kind, Place
from engine.protocol.errors import Failure, UserError
from engine.protocol.events import Failed
from engine.protocol.job import GraphJob
from gui.jobs.client import JobRunner
from gui.pages.compare.graph_window import GraphWindow
from gui.widgets.graph_layout import arrange
from gui.widgets.graph_view import GraphCanvas
from tests.helpers.window import ScriptedClient, finished

pytestmark = pytest.mark.usefixtures("styled")


def _node(name: str, kind: Kind, layer: int | None = None, *sources: int, state: State = "same") -> Node:
    return Node(
        name=name, operator=name.rstrip("0123456789"), place=Place(layer=layer, kind=kind), sources=sources, state=state
    )


NODES = (
    _node("Mask", "shared"),
    _node("Gather", "embedding"),
    _node("MatMulNBits0", "attention", 0, 1, state="fused"),
    _node("Attention0", "attention", 0, 2, 0, state="fused"),
    _node("Add0", "layer", 0, 3, 1),
    _node("MatMulNBits1", "mlp", 1, 4, state="fused"),
    _node("Reorder1", "mlp", 1, 5, state="added"),
    _node("MatMul", "head", None, 6),
)
FOUND = CompiledGraph(
    compiler="ONNX Runtime 1.0", before=(*NODES, _node("Cast", "head", None, 7, state="gone")), after=NODES
)


def _many(layers: int, each: int) -> list[Node]:
    nodes = [_node("Gather", "embedding")]
    for layer in range(layers):
        for _ in range(each):
            nodes.append(_node(f"Add{len(nodes)}", "mlp", layer, len(nodes) - 1, max(0, len(nodes) - each)))
    return nodes


def test_folded_parts_stand_in_the_order_of_the_model() -> None:
    picture = arrange(NODES, ())
    assert [len(box.nodes) for box in picture.boxes] == [1, 1, 3, 2, 1]
    assert [box.rank for box in picture.boxes] == [0, 0, 1, 2, 3]
    assert [box.place for box in picture.boxes[:3]] == [-0.5, 0.5, 0.0]
    assert set(picture.edges) == {(0, 2), (1, 2), (2, 3), (3, 4)}


def test_an_unfolded_part_shows_its_nodes() -> None:
    picture = arrange(NODES, {Place(layer=0, kind="layer")})
    assert [box.nodes for box in picture.boxes] == [(0,), (1,), (2,), (3,), (4,), (5, 6), (7,)]
    assert [box.rank for box in picture.boxes] == [0, 0, 1, 2, 3, 4, 5]


def test_parts_that_read_one_another_are_laid_out_all_the_same() -> None:
    nodes = [_node("A", "shared"), _node("B", "head", None, 0), _node("C", "shared", None, 1)]
    picture = arrange(nodes, ())
    assert [box.rank for box in picture.boxes] == [0, 1]
    assert set(picture.edges) == {(0, 1), (1, 0)}


@pytest.fixture
def window(qtbot: QtBot, jobs: JobRunner, client: ScriptedClient) -> GraphWindow:
    client.answer("graph", finished(**FOUND.model_dump(mode="json")))
    made = GraphWindow("r1", "eight bits", jobs)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.found is not None)
    return made


def test_it_is_read_and_told_of(window: GraphWindow, client: ScriptedClient) -> None:
    job = client.jobs[0]
    assert isinstance(job, GraphJob)
    assert job.run == "r1"
    assert window.headline.text() == "ONNX Runtime 1.0"
    assert window.facts.toPlainText().split("\n")[:3] == [
        "8 nodes", "3 × fused: one node for several", "1 × put in by the compiler",
    ]  # fmt: skip
    window.which.setCurrentIndex(1)
    assert "1 × gone: fused into another or worked out" in window.facts.toPlainText()


def test_by_keyboard_it_is_gone_through_unfolded_and_zoomed(qtbot: QtBot, window: GraphWindow) -> None:
    canvas = window.canvas
    for _ in range(3):
        qtbot.keyClick(canvas, Qt.Key.Key_N)
    assert window.headline.text() == "Layer 0"
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    assert len(canvas.picture.boxes) == 7
    assert window.headline.text() == "MatMulNBits"  # the first node of what was selected
    qtbot.keyClick(canvas, Qt.Key.Key_P)
    assert window.headline.text() == "Gather"
    before = canvas.transform().m11()
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.transform().m11() == pytest.approx(1.25 * before)
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.mapToScene(canvas.viewport().rect()).boundingRect().contains(canvas.scene().itemsBoundingRect())


def test_by_mouse_a_part_is_selected_and_unfolded(qtbot: QtBot, window: GraphWindow) -> None:
    canvas = window.canvas
    box = next(number for number, one in enumerate(canvas.picture.boxes) if len(one.nodes) == 2)
    spot = canvas.mapFromScene(canvas._items[box].pos())
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert window.headline.text() == "Layer 1"
    qtbot.mouseDClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert len(canvas.picture.boxes) == 6


def test_a_search_goes_from_hit_to_hit(qtbot: QtBot, window: GraphWindow) -> None:
    qtbot.keyClicks(window.search, "nbits")
    seen = []
    for _ in range(3):
        qtbot.keyClick(window.search, Qt.Key.Key_Return)
        seen.append(window.facts.toPlainText().split("\n")[0])
    assert seen == ["MatMulNBits0", "MatMulNBits1", "MatMulNBits0"]
    assert window.hits.text() == "2 found"


def test_what_went_wrong_is_told_and_tried_again(qtbot: QtBot, jobs: JobRunner, client: ScriptedClient) -> None:
    client.answer("graph", Failed(failure=Failure.of(UserError("It shows none.", "Choose another."))))
    made = GraphWindow("r1", "eight bits", jobs)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(made)
    qtbot.waitUntil(lambda: made.work.failure.failure is not None)
    client.answer("graph", finished(**FOUND.model_dump(mode="json")))
    made.work.failure.remedy.emit("retry")
    qtbot.waitUntil(lambda: made.found is not None)


def test_four_thousand_nodes_are_drawn_at_once(qtbot: QtBot) -> None:
    canvas = GraphCanvas(lambda box, nodes: (nodes[box.nodes[0]].operator, ""))
    qtbot.addWidget(canvas)
    canvas.show()
    canvas.show_nodes(_many(40, 100))
    assert len(canvas.picture.boxes) == 41
    started = time.process_time()
    canvas.open_all(True)
    canvas.grab()
    assert len(canvas.picture.boxes) == 4001
    assert time.process_time() - started < 3
