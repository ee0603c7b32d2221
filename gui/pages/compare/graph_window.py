"""A run's compiled graph in a window of its own: the picture, a search, what is selected, and the way to Netron."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence, QShortcut, QTextOption
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QTextEdit, QWidget

from engine.compare.compiled import CompiledGraph, Node, State
from engine.compare.format import format_bytes
from engine.protocol.job import GraphJob
from gui.forms.editors import ComboBox
from gui.item_models.modules import kind_title
from gui.item_models.operators import count
from gui.jobs.client import JobRunner
from gui.theme.theme import colour, follow_theme
from gui.widgets.buttons import button
from gui.widgets.frames import Card, column, row
from gui.widgets.graph_layout import Box
from gui.widgets.graph_view import TINTS, GraphCanvas
from gui.widgets.text import ElidedLabel, label
from gui.widgets.work import Work

_NAMED = 12  # nodes that are listed one by one


class GraphWindow(QDialog):
    """Shows the graph of run `run`, which people call `name`. Closing it stops the reading.

    Attributes:
        found: the graph on show, or None.
        canvas: the picture.
        work: the job that reads it.
    """

    def __init__(self, run: str, name: str, jobs: JobRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run, self._jobs = run, jobs
        self.work = Work(jobs, self.start, self)
        self.work.progress.cancelled.connect(self.reject)
        self.work.finished.connect(self._on_read)
        self.finished.connect(lambda _: self.work.cancel())
        self.found: CompiledGraph | None = None
        self._hits: list[int] = []
        self.setWindowTitle(self.tr("Graph of “%1”").replace("%1", name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1120, 640)
        self.canvas = GraphCanvas(_titles)
        self.canvas.selected.connect(self._show_box)
        self._tools = QWidget()
        self._tools.setLayout(self._tool_row())
        self._body = QWidget()
        body = row(spacing=12)
        body.addWidget(Card(self.canvas, kind="pane", margins=4), 1)
        body.addWidget(self._side())
        self._body.setLayout(body)
        layout = column(self._tools, self.work.progress, self.work.failure, self._body, spacing=8, margins=16)
        layout.setStretch(3, 1)
        layout.setAlignment(self.work.progress, Qt.AlignmentFlag.AlignTop)
        self.setLayout(layout)
        self.start()

    def start(self) -> None:
        """Read the graph."""
        self.work.submit(GraphJob(run=self.run), self.tr("Reading the compiled graph"))
        self._show_parts()

    # Its parts ------------------------------------------------------------------------------------------------

    def _tool_row(self) -> Any:
        self.which = ComboBox()
        self.which.setAccessibleName(self.tr("Graph"))
        self.which.setMinimumWidth(216)
        self.which.currentIndexChanged.connect(lambda _: self._show_graph())
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find a node or an operator"))
        self.search.setAccessibleName(self.tr("Find"))
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(216)
        self.search.returnPressed.connect(self._find_next)
        self.search.textChanged.connect(lambda _: self._hits.clear())
        self.hits = label("", "caption")
        self.open_button = button(self.tr("Show every node"), self._open_all)
        self.open_button.setCheckable(True)
        self.save_button = button(self.tr("Save for Netron…"), self._save, icon="save")
        self.save_button.setToolTip(self.tr("Two files that the viewer Netron opens, without the weights"))
        for widget in (self.open_button, self.save_button):
            widget.setAutoDefault(False)
        QShortcut(QKeySequence.StandardKey.Find, self, self._find)
        return row(self.which, self.search, self.hits, None, self.open_button, self.save_button, spacing=8)

    def _side(self) -> QWidget:
        self.headline, self.facts = ElidedLabel("", "section"), QTextEdit(readOnly=True)
        self.facts.setFrameShape(QTextEdit.Shape.NoFrame)
        self.facts.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)  # names are long
        self.facts.setStyleSheet("QTextEdit { border: none; padding: 0; background: transparent; }")
        self.facts.setAccessibleName(self.tr("What is selected"))
        self.facts.setTabChangesFocus(True)
        legend = column(spacing=4)
        for state, text in _words().items():
            legend.addLayout(row(_swatch(state), label(text, "caption"), None, spacing=8))
        keys = label(
            self.tr(
                "Double click or Enter unfolds a part. N, P: next, previous. Wheel, +, −: zoom. 0: all. Drag: move."
            ),
            "caption",
            wrap=True,
        )
        side = Card(self.headline, kind="pane", margins=12)
        side.setFixedWidth(288)
        side.body.addWidget(self.facts, 1)
        side.body.addLayout(legend)
        side.body.addWidget(keys)
        return side

    def _show_parts(self) -> None:
        ready = self.found is not None
        self._tools.setVisible(ready)
        self._body.setVisible(ready)

    # What it shows --------------------------------------------------------------------------------------------

    @property
    def _nodes(self) -> Sequence[Node]:
        if self.found is None:
            return ()
        return self.found.after if self.which.currentData() == "after" else self.found.before

    def _show_graph(self) -> None:
        self.open_button.setChecked(False)
        self.search.clear()
        self.hits.clear()
        self.canvas.show_nodes(self._nodes)
        self._show_box(None)

    def _show_box(self, box: Box | None) -> None:
        """Tell of what is selected; of the whole graph where nothing is."""
        if self.found is None:
            return
        nodes = self._nodes if box is None else [self._nodes[number] for number in box.nodes]
        if box is not None and len(nodes) == 1:
            self._show_node(nodes[0])
            return
        if box is None:
            self.headline.setText(self.found.compiler)
        else:
            self.headline.setText(_titles(box, self._nodes)[0])
        states = Counter(node.state for node in nodes)
        told = [_tr("%1 nodes").replace("%1", count(len(nodes)))]
        told += [f"{count(states[state])} × {text}" for state, text in _words().items() if states[state]]
        told.append("")
        operators = Counter(node.operator for node in nodes).most_common(_NAMED)
        told.append("\n".join(f"{count(number)} × {name}" for name, number in operators))
        weights = sum(node.weight_bytes for node in nodes)
        if weights and box is not None:
            told.append(self.tr("Weights: %1").replace("%1", format_bytes(weights)))
        self.facts.setPlainText("\n".join(told))

    def _show_node(self, node: Node) -> None:
        self.headline.setText(node.operator)
        told = [node.name, _part(node), _words()[node.state]]
        if node.precision:
            told.append(self.tr("Precision: %1").replace("%1", node.precision))
        if node.weight_bytes:
            told.append(self.tr("Weights: %1").replace("%1", format_bytes(node.weight_bytes)))
        if node.sources:
            read = ", ".join(self._nodes[number].name for number in node.sources[:_NAMED])
            told.append(self.tr("Reads: %1").replace("%1", read))
        if len(node.originals) > 1:
            told.append(self.tr("Stands for: %1").replace("%1", ", ".join(node.originals[:_NAMED])))
        self.facts.setPlainText("\n\n".join(told))

    def _open_all(self) -> None:
        self.canvas.open_all(self.open_button.isChecked())
        self.canvas.setFocus()

    def _find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _find_next(self) -> None:
        """Go to the next node whose name or operator holds what is searched for."""
        words = self.search.text().strip().casefold()
        if not words:
            return
        if self._hits:
            self._hits.append(self._hits.pop(0))
        else:
            self._hits = [
                number
                for number, node in enumerate(self._nodes)
                if words in node.name.casefold() or words in node.operator.casefold()
            ]
            self.hits.setText(self.tr("%1 found").replace("%1", count(len(self._hits))))
        if self._hits:
            self.canvas.show_node(self._hits[0])

    def _save(self) -> None:
        from gui.pages.history.export import ExportDialog

        ExportDialog(self.run, self._jobs, self, format="graph").exec()

    def _on_read(self, result: dict[str, Any]) -> None:
        found = self.found = CompiledGraph.model_validate(result)
        self._show_parts()
        self.which.blockSignals(True)
        after, before = self.tr("as it is computed (%1)"), self.tr("as it was built (%1)")
        self.which.addItem(after.replace("%1", count(len(found.after))), "after")
        self.which.addItem(before.replace("%1", count(len(found.before))), "before")
        self.which.blockSignals(False)
        self._show_graph()
        self.canvas.setFocus()


def _titles(box: Box, nodes: Sequence[Node]) -> tuple[str, str]:
    """The two lines of a box."""
    if not box.folded:
        node = nodes[box.nodes[0]]
        return node.operator, node.name
    group = box.group
    title = _tr("Layer %1").replace("%1", str(group.layer)) if group.layer is not None else kind_title(group.kind)
    if len(box.nodes) == 1:
        return title, nodes[box.nodes[0]].operator
    return title, _tr("%1 nodes").replace("%1", count(len(box.nodes)))


def _part(node: Node) -> str:
    layer = "" if node.place.layer is None else _tr("Layer %1").replace("%1", str(node.place.layer))
    return " · ".join(filter(None, (layer, kind_title(node.place.kind))))


def _words() -> dict[State, str]:
    """What the states are called."""
    return {
        "fused": _tr("fused: one node for several"),
        "fallback": _tr("left to the CPU"),
        "added": _tr("put in by the compiler"),
        "same": _tr("unchanged"),
        "gone": _tr("gone: fused into another or worked out"),
    }


def _swatch(state: State) -> QLabel:
    """A small box in the look of `state`."""
    made = QLabel()
    made.setFixedSize(20, 12)

    def paint() -> None:
        ground, frame = TINTS[state]
        line = "dashed" if state in ("gone", "added") else "solid"
        made.setStyleSheet(
            f"background: {colour(ground).name()}; border: 1px {line} {colour(frame).name()}; border-radius: 3px;"
        )

    follow_theme(made, paint)
    return made


def _tr(text: str) -> str:
    return QCoreApplication.translate("GraphWindow", text)
