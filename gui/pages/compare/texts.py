"""What stands in the place of answers for models that write none: every text, its labels or its nearest texts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QHeaderView, QWidget

from engine.compare.evidence import Classified
from engine.compare.format import format_percent
from engine.compare.table import Comparison
from gui.item_models.cases import class_columns, embedding_columns
from gui.item_models.rows import RowsModel
from gui.pages.compare.save import save_button
from gui.widgets.frames import Card, clear, column, row, scrolled
from gui.widgets.tables import sortable_table
from gui.widgets.text import label

_FEW, _WIDE = 340, 420  # pixels for a table of few labels, and of more than _MANY
_MANY = 4


class TextsView(QWidget):
    """A sentence, the table of texts, and for classifiers a table of which label became which.

    Attributes:
        table: the texts' model.
        shown: whether there is anything to show.
        save_button: asks for the differences as a file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown = False
        self._comparison: Comparison | None = None
        self.headline = label("", "section", wrap=True)
        self.table: RowsModel[Any] = RowsModel(())
        self.view, _ = sortable_table(self.table, self.tr("Texts, most changed first"))
        self.view.verticalHeader().setDefaultSectionSize(24)
        self.pick = QComboBox()
        self.pick.setAccessibleName(self.tr("Rows of the table of labels"))
        self.pick.currentIndexChanged.connect(self._fill_labels)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        inner = QWidget()
        inner.setLayout(column(self.pick, self._grid, None, spacing=8, margins=8))
        area = scrolled(inner)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)  # taggers have many labels
        self._labels = Card(area, kind="pane", margins=4)
        sides = row(spacing=12)
        sides.addWidget(Card(self.view, kind="pane", margins=4), 1)
        sides.addWidget(self._labels)
        self.save_button = save_button()
        head = row(spacing=8)
        head.addWidget(self.headline, 1)
        head.addWidget(self.save_button)
        layout = column(head, spacing=8)
        layout.addLayout(sides, 1)
        self.setLayout(layout)

    def set_comparison(self, comparison: Comparison | None) -> None:
        """Show the texts of `comparison`."""
        self._comparison = comparison
        names = tuple(c.name for c in comparison.candidates) if comparison else ()
        classified = comparison.classified if comparison else None
        embedded = comparison.embedded if comparison else ()
        self.shown = bool(classified or embedded) and len(names) > 1
        self._labels.setVisible(classified is not None)
        self._labels.setFixedWidth(_FEW if classified is None or len(classified.names) <= _MANY else _WIDE)
        if classified is not None:
            self.table.reset(classified.texts, class_columns(classified, names))
            self._show_labels(classified)
        else:
            self.table.reset(embedded, embedding_columns(embedded, names))
        if not self.shown:
            return
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        if classified is not None:
            self.view.sortByColumn(header.count() - 1, Qt.SortOrder.DescendingOrder)
            words = self.tr("Another label for %1 of %2 texts (%3)")
            if classified.of_words:
                words = self.tr("Another tag for %1 of %2 words (%3)")
            changed, total = classified.flips(), classified.count
        else:
            for place in range(3, header.count(), 4):
                for wide in (place, place + 1):
                    header.setSectionResizeMode(wide, QHeaderView.ResizeMode.Stretch)
            self.view.sortByColumn(1, Qt.SortOrder.AscendingOrder)
            words = self.tr("Other nearest texts for %1 of %2 texts (%3)")
            changed, total = sum(bool(text.lost()) for text in embedded), len(embedded)
        share = format_percent(changed / total) if total else "0 %"
        self.headline.setText(words.replace("%1", str(changed)).replace("%2", str(total)).replace("%3", share))

    def _show_labels(self, classified: Classified) -> None:
        labelled = any(text.label is not None for text in classified.texts)
        self.pick.blockSignals(True)
        self.pick.clear()
        self.pick.addItem(self.tr("From the original's label to the new one"))
        if labelled:
            for candidate in self._comparison.candidates if self._comparison else ():
                self.pick.addItem(self.tr("Right label and the label of %1").replace("%1", candidate.name))
        self.pick.blockSignals(False)
        self.pick.setVisible(labelled)
        self._fill_labels()

    def _fill_labels(self) -> None:
        clear(self._grid)
        classified = self._comparison.classified if self._comparison else None
        if classified is None:
            return
        chosen = self.pick.currentIndex()
        counts = classified.confusion(1) if chosen <= 0 else classified.against_labels(chosen - 1)
        rows, columns = (
            (self.tr("Original"), self.tr("Optimised")) if chosen <= 0 else (self.tr("Right"), self.tr("Model"))
        )
        self._grid.addWidget(label(f"{rows} ↓  {columns} →", "caption"), 0, 0)
        for place, name in enumerate(classified.names):
            self._grid.addWidget(_cell(name, "caption", Qt.AlignmentFlag.AlignRight), 0, place + 1)
            self._grid.addWidget(_cell(name, "caption", Qt.AlignmentFlag.AlignLeft), place + 1, 0)
            for other, count in enumerate(counts[place]):
                role = "strong" if place == other else ("muted" if count == 0 else "warn")
                cell = _cell(str(count), role, Qt.AlignmentFlag.AlignRight)
                cell.setAccessibleName(f"{name} → {classified.names[other]}: {count}")
                self._grid.addWidget(cell, place + 1, other + 1)


def _cell(text: str, role: str, side: Qt.AlignmentFlag) -> QWidget:
    made = label(text, role)
    made.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    return made
