"""The lower half of the page: charts on the left, the measurements with their intervals on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTableView, QWidget

from engine.compare.table import Change, Comparison, GridCell
from engine.protocol.events import Measured, Token
from engine.protocol.measurement import Measurement
from gui.charts import catalog
from gui.charts.latency_distribution import LatencyDistributionChart
from gui.charts.length_grid import LengthGridChart
from gui.charts.live import LiveChart
from gui.charts.memory import MemoryChart
from gui.item_models.measurements import MetricRow, columns, rows_of
from gui.item_models.rows import RowsModel
from gui.pages.compare.cases import CasesView
from gui.pages.compare.conditions import ConditionsView
from gui.pages.compare.graph import Compiled, GraphView
from gui.widgets.frames import Card, column, row
from gui.widgets.tabs import TabRow

# the tabs about the compiler, about single cases and about requests of several lengths
GRAPH, CASES, GRID = 2, 3, 5


class Results(QWidget):
    """Everything that is measured, live and final.

    Attributes:
        table: the measurement table's model.
        graph: what the compiler did.
        cases: questions, texts with references and tokens one by one.
        conditions: under which conditions was measured.
        grid: requests of several lengths.
        tabs: what the views are chosen with.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._measured: list[dict[str, Measurement]] = []
        self._second: list[tuple[Measurement, ...]] = []
        self._changes: list[tuple[Change, ...]] = []
        self.latency = catalog.make("latency_live", LiveChart)
        self.rate = catalog.make("rate_live", LiveChart)
        self.distribution = catalog.make("latency_distribution", LatencyDistributionChart)
        self.memory = catalog.make("memory", MemoryChart)
        self._stack = QStackedWidget()
        for pair in ((self.latency, self.rate), (self.distribution, self.memory)):
            page = QWidget()
            box = QHBoxLayout(page)
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(12)
            for chart in pair:
                box.addWidget(chart, 1)
            self._stack.addWidget(page)
        self.graph = GraphView()
        self._stack.addWidget(self.graph)
        self.cases = CasesView()
        self._stack.addWidget(self.cases)
        self.conditions = ConditionsView()
        self._stack.addWidget(self.conditions)
        self.grid = catalog.make("length_grid", LengthGridChart)
        self._stack.addWidget(self.grid)
        self.tabs = TabRow()
        for title in (
            self.tr("Live"),
            self.tr("Distribution and memory"),
            self.tr("What the compiler did"),
            self.tr("Case by case"),
            self.tr("Conditions"),
            self.tr("Lengths"),
        ):
            self.tabs.add(title)
        self.tabs.offer(GRID, False)
        self.tabs.chosen.connect(self.show_tab)
        self.table: RowsModel[MetricRow] = RowsModel(columns(("", "")))
        self._view = QTableView()
        self._view.setModel(self.table)
        self._view.setTabKeyNavigation(False)
        self._view.setAccessibleName(self.tr("Measurements"))
        self._view.setShowGrid(False)
        self._view.setWordWrap(False)
        self._view.verticalHeader().hide()
        self._view.verticalHeader().setDefaultSectionSize(24)
        self._view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self._view.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self._view.horizontalHeader().setHighlightSections(False)
        self._view.setStyleSheet("QTableView::item { padding: 0 6px; }")
        self._view.viewport().installEventFilter(self)
        self._stack.setMinimumWidth(1)  # pages that stand without the measurements must not take their room
        beside = row(spacing=12)
        beside.addWidget(self._stack, 5)
        self._measurements = Card(self._view, kind="pane", margins=4)
        beside.addWidget(self._measurements, 7)
        layout = column(self.tabs, spacing=4)  # above both, for the tabs are many
        layout.addLayout(beside, 1)
        self.setLayout(layout)

    def show_tab(self, place: int) -> None:
        """0: the live charts; 1: distribution and memory; 2: what the compiler did; 3: case by case; 4: the conditions;
        5: requests of several lengths, which is there only when they were timed."""
        self._stack.setCurrentIndex(place)
        self._measurements.setVisible(place < GRAPH)  # operators and cases need the room
        self.tabs.check(place)

    def add_tab(self, title: str, view: QWidget) -> None:
        """One more tab, which needs the room of the measurements as well."""
        self.tabs.add(title)
        self._stack.addWidget(view)

    def show_live(self, shown: bool) -> None:
        """Models that write no text have no live charts, and their cases stand where answers would."""
        self.tabs.offer(0, shown)
        self.tabs.offer(CASES, shown)
        self.show_tab(0 if shown else 1)

    def set_compiled(self, models: Sequence[Compiled]) -> None:
        """Show what is known of the candidates' compilers."""
        self.graph.set_models(models)

    def set_names(self, names: Sequence[str]) -> None:
        """Begin anew with candidates called `names`."""
        self._names = tuple(names)
        self._measured = [{} for _ in names]
        self._second, self._changes = [], []
        self.cases.set_comparison(None)
        for chart in (self.latency, self.rate, self.distribution, self.memory):
            chart.set_names(names)
        self.memory.set_traces(())
        self.conditions.show_conditions({})
        self._show_grid(())
        self.clear_live()
        self._fill()

    def clear_live(self) -> None:
        """Empty the charts that follow the tokens."""
        self.latency.clear()
        self.rate.clear()
        self.distribution.clear()

    def add_tokens(self, tokens: Sequence[Token]) -> None:
        """Draw a batch of tokens."""
        self.latency.add(tokens)
        self.rate.add(tokens)
        if self.distribution.isVisible():
            self.distribution.add(tokens)
        else:
            self.distribution.remember(tokens)

    def add_measured(self, events: Sequence[Measured]) -> None:
        """Show running or final figures."""
        for event in events:
            if event.candidate < len(self._measured):
                self._measured[event.candidate][event.measurement.name] = event.measurement
        self._fill()

    def show_comparison(self, comparison: Comparison) -> None:
        """Show a finished comparison."""
        self._names = tuple(candidate.name for candidate in comparison.candidates)
        self.conditions.show_conditions(comparison.conditions)
        self._show_grid(comparison.grid)
        self._measured = [{m.name: m for m in candidate.measurements} for candidate in comparison.candidates]
        self._second = [candidate.second for candidate in comparison.candidates]
        self._changes = [candidate.changes for candidate in comparison.candidates]
        self.cases.set_comparison(comparison)
        for chart in (self.latency, self.rate, self.distribution, self.memory):
            chart.set_names(self._names)
        self.memory.set_traces([candidate.memory for candidate in comparison.candidates])
        self.clear_live()
        tokens = list(_streamed(comparison))
        if tokens:
            self.add_tokens(tokens)
        else:  # encoders have requests, not tokens
            found = [candidate.measured("request_seconds") for candidate in comparison.candidates]
            self.distribution.set_samples([m.values if m else () for m in found])
        self._fill()

    def _show_grid(self, cells: Sequence[GridCell]) -> None:
        self.grid.set_names(self._names)
        self.grid.set_cells(cells)
        self.tabs.offer(GRID, bool(cells))
        if not cells and self._stack.currentIndex() == GRID:
            self.show_tab(1)

    def _fill(self) -> None:
        lists = [tuple(found.values()) for found in self._measured]
        rows = [*rows_of(lists, changes=self._changes), *rows_of(self._second, second=True)]
        self.table.reset(rows, columns(self._names or ("", "")))
        self.memory.set_measurements(lists)
        self._spread()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The columns follow the table's width."""
        if event.type() == QEvent.Type.Resize:
            self._spread()
        return super().eventFilter(watched, event)

    def _spread(self) -> None:
        """Give every column what it needs, and an equal part of what is left."""
        self._view.resizeColumnsToContents()
        header = self._view.horizontalHeader()
        spare = (self._view.viewport().width() - header.length()) // max(1, header.count())
        if spare > 0:
            for place in range(header.count()):
                header.resizeSection(place, header.sectionSize(place) + spare)


def _streamed(comparison: Comparison) -> Iterator[Token]:
    """The tokens of a finished comparison as they came."""
    for place, candidate in enumerate(comparison.candidates):
        for prompt, answer in enumerate(candidate.answers):
            for index, token in enumerate(answer.tokens):
                yield Token(
                    candidate=place,
                    prompt=prompt,
                    index=index,
                    token_id=token.id,
                    text=token.text,
                    seconds=token.seconds,
                    probability=token.probability,
                )
