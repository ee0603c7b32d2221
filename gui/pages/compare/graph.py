"""What the compiler did to each compared run's graph: nodes before and after, what was fused, in which precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHeaderView, QStackedLayout, QWidget

from engine.compare.graph import GraphReport, OperatorCount
from engine.runtimes import catalog as runtimes
from gui.item_models.operators import columns, count, each, shortened
from gui.item_models.rows import RowsModel
from gui.translate import engine_text
from gui.widgets.buttons import button
from gui.widgets.frames import Card, column, row, scrolled
from gui.widgets.tables import sortable_table
from gui.widgets.text import label

AFTER = 2  # the column that the table is sorted by at first
NAMED = 4  # kinds of fused nodes that the sentence names; the table has them all


@dataclass(frozen=True)
class Compiled:
    """A compared model, and what is known of its compiler's work.

    Attributes:
        name: as the page calls it.
        report: None where there is none.
        outdated: its runtime writes reports, but did not yet when this run was built.
        run: its id where its runtime shows the graph itself.
    """

    name: str
    report: GraphReport | None = None
    outdated: bool = False
    run: str = ""


class GraphView(QWidget):
    """One report at a time; or why there is none.

    Attributes:
        table: the operators' model.

    Signals:
        asked(Compiled): the graph of this model is to be shown.
    """

    asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._models: tuple[Compiled, ...] = ()
        self.pick = QComboBox()
        self.pick.setAccessibleName(self.tr("Compiled model"))
        self.pick.currentIndexChanged.connect(self._show)
        self.headline, self.compiler = label("", "section"), label("", "muted", wrap=True)
        self.facts = label("", wrap=True, selectable=True)
        self.table: RowsModel[OperatorCount] = RowsModel(columns())
        self.view, _ = sortable_table(self.table, self.tr("Operators of the graph"))
        self.view.verticalHeader().setDefaultSectionSize(24)
        self.view.sortByColumn(AFTER, Qt.SortOrder.DescendingOrder)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.look_button = button(
            self.tr("Look at the graph…"), lambda: self.asked.emit(self.compiled), icon="structure"
        )
        told = QWidget()
        look = row(self.look_button, None)
        told.setLayout(column(self.pick, self.headline, self.compiler, look, self.facts, None, spacing=8, margins=8))
        summary = Card(scrolled(told), kind="pane", margins=4)
        found = QWidget()
        sides = row(spacing=12)
        sides.addWidget(summary, 2)
        sides.addWidget(Card(self.view, kind="pane", margins=4), 3)
        found.setLayout(sides)
        self._why_not = label("", "muted", wrap=True)
        self._why_not.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        heading = label(self.tr("No report about a graph"), "section")
        heading.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        nothing = Card(None, heading, self._why_not, None, kind="pane", margins=16)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(nothing)
        self._stack.addWidget(found)
        self.set_models(())

    def set_models(self, models: Sequence[Compiled]) -> None:
        """Show the compared `models`: the first report, and a choice where there are several."""
        self._models = tuple(models)
        self.pick.blockSignals(True)
        self.pick.clear()
        for place, model in enumerate(models):
            if model.report is not None:
                self.pick.addItem(model.name, place)
        self.pick.blockSignals(False)
        self.pick.setVisible(self.pick.count() > 1)
        self._why_not.setText(self._reason())
        self._show()

    @property
    def compiled(self) -> Compiled | None:
        """The model on show."""
        place = self.pick.currentData()
        return None if place is None else self._models[place]

    @property
    def report(self) -> GraphReport | None:
        """The report on show."""
        return None if self.compiled is None else self.compiled.report

    def _show(self) -> None:
        report = self.report
        self.look_button.setVisible(self.compiled is not None and bool(self.compiled.run))
        self._stack.setCurrentIndex(int(report is not None))
        self.table.reset(report.operators if report else ())
        if report is None:
            return
        text = self.tr("%1 → %2 nodes")
        self.headline.setText(text.replace("%1", count(report.nodes_before)).replace("%2", count(report.nodes_after)))
        name = self._models[self.pick.currentData()].name
        self.compiler.setText(f"{name} · {report.compiler}" if self.pick.count() == 1 else report.compiler)
        self.facts.setText("\n\n".join(self._facts(report)))

    def _facts(self, report: GraphReport) -> list[str]:
        """What was done, a sentence each; nothing about what was not done."""
        fused = {o.operator: o.after for o in report.operators if o.fused and o.after}
        most = dict(sorted(fused.items(), key=lambda item: -item[1])[:NAMED])
        more = " …" if len(fused) > len(most) else ""
        told = [
            (self.tr("Fused, one node for several: %1"), each(most) + more if fused else ""),
            (self.tr("Worked out beforehand, kept as constants: %1"), count(report.folded) if report.folded else ""),
            (self.tr("Weights: %1"), each(shortened(report.precisions))),
            (self.tr("Left to the CPU: %1"), each(report.fallback)),
        ]
        placed = {provider.removesuffix("ExecutionProvider"): nodes for provider, nodes in report.providers.items()}
        if len(placed) > 1:
            told.append((self.tr("Computed by: %1"), each(placed)))
        return [text.replace("%1", words) for text, words in told if words]

    def _reason(self) -> str:
        outdated = next((model.name for model in self._models if model.outdated), "")
        if outdated:
            text = self.tr("“%1” was built before Hasten kept such reports. Run its recipe again to get one.")
            return text.replace("%1", outdated)
        able = [engine_text(spec.title) for spec in runtimes.all_runtimes().values() if spec.reports_graph]
        text = self.tr("Runs for these runtimes have one: %1. The others do not tell what they make of a model.")
        return text.replace("%1", ", ".join(able))
