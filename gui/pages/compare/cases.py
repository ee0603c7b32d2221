"""Case by case: the user's questions with every answer, or the tokens whose probability changed most."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHeaderView, QStackedLayout, QStackedWidget, QTableView, QWidget

from engine.compare.evidence import QuestionResult
from engine.compare.format import format_percent
from engine.compare.table import Comparison
from gui.item_models.cases import (
    RIGHT,
    WRONG,
    TokenRow,
    question_columns,
    token_columns,
    token_rows,
)
from gui.item_models.rows import ROW_ROLE, RowsModel
from gui.widgets.frames import Card, column, row, scrolled
from gui.widgets.tables import sortable_table
from gui.widgets.text import label

QUESTIONS, TOKENS = range(2)
_EXPECTED, _ANSWER = 104, 184  # pixels of a column
_CHANGE = 6  # the token table's last column


class CasesView(QWidget):
    """Questions and tokens of one comparison, a table each; or why there are none.

    Attributes:
        questions, tokens: the tables' models.

    Signals:
        chosen(int): the prompt of a token that was activated.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self.pick = QComboBox()
        self.pick.addItems([self.tr("Your questions"), self.tr("Tokens, most changed first")])
        self.pick.setAccessibleName(self.tr("Which cases are shown"))
        self.summary = label("", "muted", wrap=True)
        self.summary.setToolTip(
            self.tr("Whether chance would do it: McNemar's exact test on the questions answered apart")
        )
        self.questions: RowsModel[QuestionResult] = RowsModel(question_columns(()))
        self.tokens: RowsModel[TokenRow] = RowsModel(token_columns())
        self.question_view, _ = sortable_table(self.questions, self.tr("Your questions"))
        self.token_view, _ = sortable_table(self.tokens, self.tr("Tokens of the answers"))
        for view in (self.question_view, self.token_view):
            view.verticalHeader().setDefaultSectionSize(24)
            view.setSelectionMode(QTableView.SelectionMode.SingleSelection)
            view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.token_view.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.token_view.activated.connect(self._on_token)
        self.token_view.clicked.connect(self._on_token)
        self.question_view.selectionModel().currentChanged.connect(self._on_question)
        self._details = label("", wrap=True, selectable=True)
        self._details.setAlignment(Qt.AlignmentFlag.AlignTop)
        told = QWidget()
        told.setLayout(column(self._details, None, margins=8))
        asked = QWidget()
        both = row(spacing=12)
        both.addWidget(self.question_view, 5)
        both.addWidget(scrolled(told), 3)
        asked.setLayout(both)
        self._tables = QStackedWidget()
        self._tables.addWidget(asked)
        self._tables.addWidget(self.token_view)
        self.pick.currentIndexChanged.connect(self._show)
        head = row(self.pick, spacing=12)
        head.addWidget(self.summary, 1)
        found = Card(head, kind="pane", spacing=4, margins=8)
        found.body.addWidget(self._tables, 1)
        heading = label(self.tr("No cases yet"), "section")
        why = label(
            self.tr(
                "Measure shows here how probable both models find each token, and how they answer your own questions:"
                " choose a file of questions beside the Measure button."
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
        rows = token_rows(comparison) if comparison else []
        self._names = tuple(c.name for c in comparison.candidates) if comparison else ()
        self.questions.reset(asked, question_columns(self._names))
        self.tokens.reset(rows)
        self._details.setText("")
        header = self.question_view.horizontalHeader()
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place in range(1, header.count()):
            header.resizeSection(place, _EXPECTED if place == 1 else _ANSWER)
        self.question_view.sortByColumn(header.count() - 1, Qt.SortOrder.AscendingOrder)  # what became wrong first
        self.token_view.sortByColumn(_CHANGE, Qt.SortOrder.DescendingOrder)
        self.pick.setVisible(bool(asked and rows))
        self._stack.setCurrentIndex(int(bool(asked or rows)))
        self._said = self._words(comparison) if comparison else ("", "")
        self.pick.setCurrentIndex(QUESTIONS if asked else TOKENS)
        self._show()
        if asked:
            self.question_view.setCurrentIndex(self.question_view.model().index(0, 0))

    def _show(self) -> None:
        place = self.pick.currentIndex()
        self._tables.setCurrentIndex(place)
        self.summary.setText(self._said[place])

    def _words(self, comparison: Comparison) -> tuple[str, str]:
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
        return " · ".join(counts), self.tr("Choose a token to see its answer.")

    def _on_token(self, index: QModelIndex) -> None:
        found = index.data(ROW_ROLE)
        if isinstance(found, TokenRow):
            self.chosen.emit(found.prompt)

    def _on_question(self, index: QModelIndex) -> None:
        found = index.data(ROW_ROLE)
        if not isinstance(found, QuestionResult):
            self._details.setText("")
            return
        lines = [found.question.prompt, ""]
        for name, answer, right in zip(self._names, found.answers, found.right, strict=True):
            lines += [f"{RIGHT if right else WRONG} {name}", answer.strip() or "–", ""]
        self._details.setText("\n".join(lines).rstrip())
