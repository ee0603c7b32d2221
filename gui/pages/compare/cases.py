"""Case by case: the user's questions or texts with every answer, or the tokens whose probability changed most."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHeaderView, QStackedLayout, QStackedWidget, QTableView, QWidget

from engine.compare.evidence import HarnessScore, PairResult, QuestionResult
from engine.compare.format import format_percent
from engine.compare.table import Comparison
from gui.item_models.cases import (
    RIGHT,
    WRONG,
    TokenRow,
    harness_columns,
    pair_columns,
    question_columns,
    scores_of,
    token_columns,
    token_rows,
)
from gui.item_models.rows import ROW_ROLE, RowsModel
from gui.widgets.frames import Card, column, row, scrolled
from gui.widgets.tables import sortable_table
from gui.widgets.text import label

QUESTIONS, PAIRS, HARNESS, TOKENS = range(4)
_NARROW, _WIDE = 104, 184  # pixels of a column
_CHANGE = 6  # the token table's last column


class CasesView(QWidget):
    """Questions, texts, tasks and tokens of one comparison, a table each; or why there are none.

    Attributes:
        questions, pairs, harness, tokens: the tables' models.

    Signals:
        chosen(int): the prompt of a token that was activated.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._said = [""] * 4
        self.pick = QComboBox()
        titles = (
            self.tr("Your questions"),
            self.tr("Your texts"),
            self.tr("Tasks of lm-eval"),
            self.tr("Tokens, most changed first"),
        )
        self.pick.addItems(titles)
        self.pick.setAccessibleName(self.tr("Which cases are shown"))
        self.summary = label("", "muted", wrap=True)
        self.summary.setToolTip(
            self.tr("Whether chance would do it: McNemar's exact test on the questions answered apart")
        )
        self.questions: RowsModel[QuestionResult] = RowsModel(question_columns(()))
        self.pairs: RowsModel[PairResult] = RowsModel(pair_columns(()))
        self.tokens: RowsModel[TokenRow] = RowsModel(token_columns())
        self.asked = _Told(self.questions, titles[QUESTIONS], self._question_words)
        self.written = _Told(self.pairs, titles[PAIRS], self._pair_words)
        self.question_view, self.pair_view = self.asked.view, self.written.view
        self.harness: RowsModel[HarnessScore] = RowsModel(harness_columns(()))
        self.harness_view, _ = sortable_table(self.harness, titles[HARNESS])
        _prepare(self.harness_view)
        self.harness_view.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.token_view, _ = sortable_table(self.tokens, self.tr("Tokens of the answers"))
        _prepare(self.token_view)
        self.token_view.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.token_view.activated.connect(self._on_token)
        self.token_view.clicked.connect(self._on_token)
        self._tables = QStackedWidget()
        for page in (self.asked, self.written, self.harness_view, self.token_view):
            self._tables.addWidget(page)
        self.pick.currentIndexChanged.connect(self._show)
        head = row(self.pick, spacing=12)
        head.addWidget(self.summary, 1)
        found = Card(head, kind="pane", spacing=4, margins=8)
        found.body.addWidget(self._tables, 1)
        heading = label(self.tr("No cases yet"), "section")
        why = label(
            self.tr(
                "Measure shows here how probable both models find each token, how they answer your own questions, and"
                " what they write to your own texts: choose such files beside the Measure button."
            ),
            "muted",
            wrap=True,
        )
        for words in (heading, why):
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(Card(None, heading, why, None, kind="pane", margins=16))
        self._stack.addWidget(found)

    def set_comparison(self, comparison: Comparison | None) -> None:
        """Show the cases of `comparison`; none for None."""
        asked = comparison.questions if comparison else ()
        pairs = comparison.pairs if comparison else ()
        rows = token_rows(comparison) if comparison else []
        self._names = tuple(c.name for c in comparison.candidates) if comparison else ()
        self.questions.reset(asked, question_columns(self._names))
        self.pairs.reset(pairs, pair_columns(self._names))
        self.harness.reset(comparison.harness if comparison else (), harness_columns(self._names))
        self.harness_view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # as the harness has them
        self.tokens.reset(rows)
        self.asked.arrange(Qt.SortOrder.AscendingOrder, lambda place: _NARROW if place == 1 else _WIDE)
        answers = len(self._names)
        self.written.arrange(Qt.SortOrder.DescendingOrder, lambda place: _WIDE if place <= answers else _NARROW)
        self.token_view.sortByColumn(_CHANGE, Qt.SortOrder.DescendingOrder)
        there = [bool(asked), bool(pairs), bool(self.harness.rows), bool(rows)]
        for place, shown in enumerate(there):
            self.pick.model().item(place).setEnabled(shown)  # type: ignore[attr-defined]
            self.pick.view().setRowHidden(place, not shown)  # type: ignore[attr-defined]
        self.pick.setVisible(sum(there) > 1)
        self._stack.setCurrentIndex(int(any(there)))
        if comparison is not None:
            self._said = [
                self._words(comparison),
                self._pair_summary(),
                self.tr("Measured by EleutherAI's lm-evaluation-harness, on the same documents for all models."),
                self.tr("Choose a token to see its answer."),
            ]
        self.pick.setCurrentIndex(there.index(True) if any(there) else TOKENS)
        self._show()

    def _show(self) -> None:
        place = self.pick.currentIndex()
        self._tables.setCurrentIndex(place)
        self.summary.setText(self._said[place])

    def _words(self, comparison: Comparison) -> str:
        counts = []
        for index, name in enumerate(self._names):
            right = sum(result.right[index] for result in comparison.questions)
            counts.append(f"{name}: {right} / {len(comparison.questions)} {RIGHT}")
        for candidate in comparison.candidates[1:]:
            test = candidate.questions
            if test is not None and test.lost + test.gained:
                words = self.tr("%1 lost, %2 gained: chance alone does that in %3 of cases")
                share = format_percent(test.p_value)
                counts.append(words.replace("%1", str(test.lost)).replace("%2", str(test.gained)).replace("%3", share))
        return " · ".join(counts)

    def _pair_summary(self) -> str:
        """How many texts came out otherwise, of each candidate after the first."""
        counts = []
        for index, name in enumerate(self._names[1:], 1):
            other = sum(result.answers[index] != result.answers[0] for result in self.pairs.rows)
            words = self.tr("%1 writes something else to %2 of %3 texts").replace("%1", name)
            counts.append(words.replace("%2", str(other)).replace("%3", str(len(self.pairs.rows))))
        return " · ".join(counts)

    def _on_token(self, index: QModelIndex) -> None:
        found = index.data(ROW_ROLE)
        if isinstance(found, TokenRow):
            self.chosen.emit(found.prompt)

    def _question_words(self, found: QuestionResult) -> str:
        lines = [found.question.prompt, ""]
        for name, answer, right in zip(self._names, found.answers, found.right, strict=True):
            lines += [f"{RIGHT if right else WRONG} {name}", answer.strip() or "–", ""]
        return "\n".join(lines).rstrip()

    def _pair_words(self, found: PairResult) -> str:
        lines = [found.pair.source, "", self.tr("Reference"), *found.pair.references, ""]
        for index, (name, answer) in enumerate(zip(self._names, found.answers, strict=True)):
            scores = scores_of(found, index)
            lines += [f"{name} ({scores})" if scores else name, answer.strip() or "–", ""]
        return "\n".join(lines).rstrip()


class _Told(QWidget):
    """A table with a pane beside it that tells all of the chosen row, in `words`."""

    def __init__(self, rows: RowsModel[Any], title: str, words: Callable[[Any], str]) -> None:
        super().__init__()
        self._words = words
        self.view, _ = sortable_table(rows, title)
        _prepare(self.view)
        self.view.selectionModel().currentChanged.connect(self._on_row)
        self.details = label("", wrap=True, selectable=True)
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop)
        told = QWidget()
        told.setLayout(column(self.details, None, margins=8))
        both = row(spacing=12)
        both.addWidget(self.view, 5)
        both.addWidget(scrolled(told), 3)
        self.setLayout(both)

    def arrange(self, order: Qt.SortOrder, width: Callable[[int], int]) -> None:
        """Give each column but the first its `width` in pixels, sort by the last one, and tell the first row."""
        header = self.view.horizontalHeader()
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place in range(1, header.count()):
            header.resizeSection(place, width(place))
        self.view.sortByColumn(header.count() - 1, order)
        self.details.setText("")
        self.view.setCurrentIndex(self.view.model().index(0, 0))

    def _on_row(self, index: QModelIndex) -> None:
        found = index.data(ROW_ROLE)
        self.details.setText("" if found is None else self._words(found))


def _prepare(view: QTableView) -> None:
    view.verticalHeader().setDefaultSectionSize(24)
    view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
