"""What a measurement is made on: prompts, texts for quality, the user's own questions, and for encoders a data set."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFileDialog, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from gui.widgets.buttons import button, icon_button
from gui.widgets.frames import row
from gui.widgets.text import label

_WIDTH = 384  # pixels of a field with its button


class MeasureOptions(QDialog):
    """Files that replace what comes with Hasten or add to it; an empty field means the built-in one, or none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What is measured"))
        self.setMinimumWidth(560)
        self._form = QFormLayout()
        self._form.setHorizontalSpacing(16)
        self._form.setVerticalSpacing(8)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        built_in = self.tr("built in")
        self.prompts = self._add(
            self.tr("Prompts"),
            self.tr("What both models answer: a text file with one prompt a line, or a YAML list."),
            built_in,
            self.tr("Prompts (*.txt *.yaml *.yml)"),
        )
        self.text = self._add(
            self.tr("Text for quality"),
            self.tr("Perplexity and agreement are measured on this plain text; a few pages suffice."),
            built_in,
            self.tr("Text (*.txt *.md)"),
        )
        self.second = self._add(
            self.tr("Second text"),
            self.tr("Quality on a text of another kind as well, such as program code or another language."),
            self.tr("none"),
            self.tr("Text (*.txt *.md *.py);;All files (*)"),
        )
        self.questions = self._add(
            self.tr("Your questions"),
            self.tr(
                "What both must answer rightly: a YAML, JSONL or CSV file with prompt, expect and how"
                " (exact, contains, regex or numeric, with a tolerance)."
            ),
            self.tr("none"),
            self.tr("Questions (*.yaml *.yml *.jsonl *.csv)"),
        )
        self.dataset = self._add(
            self.tr("Data set"),
            self.tr(
                "For encoders: a CSV of sentence, sentence, score (such as STS-B); for classifiers: text, class number."
            ),
            self.tr("none"),
            self.tr("Tables (*.csv *.tsv)"),
        )
        buttons = QDialogButtonBox()
        buttons.addButton(
            button(self.tr("Use the built-in ones"), self._clear, kind="quiet"), buttons.ButtonRole.ResetRole
        )
        buttons.addButton(button(self.tr("Done"), self.accept, kind="primary"), buttons.ButtonRole.AcceptRole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(self._form)
        layout.addWidget(buttons)

    def show_task(self, decoder: bool) -> None:
        """Prompts and questions are for models that write, data sets for those that do not."""
        for field, shown in ((self.prompts, decoder), (self.questions, decoder), (self.dataset, not decoder)):
            self._form.setRowVisible(self._rows[field], shown)
            self._form.setRowVisible(self._rows[field] + 1, shown)

    def _add(self, title: str, help_text: str, empty: str, kinds: str) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(empty)
        field.setAccessibleName(title)
        field.setClearButtonEnabled(True)
        name = label(title)
        name.setBuddy(field)
        choose = icon_button("folder", self.tr("Choose a file…"), lambda: self._choose(field, title, kinds))
        self._rows = {**getattr(self, "_rows", {}), field: self._form.rowCount()}
        self._form.addRow(name, row(field, choose, spacing=4))
        told = label(help_text, "muted", wrap=True)
        told.setAlignment(Qt.AlignmentFlag.AlignTop)
        told.setMinimumHeight(told.heightForWidth(_WIDTH))  # a form asks too late, and shares out what it thought of
        told.setMaximumHeight(told.minimumHeight())
        self._form.addRow("", told)
        return field

    def _choose(self, field: QLineEdit, title: str, kinds: str) -> None:
        path, _ = QFileDialog.getOpenFileName(self, title, field.text(), kinds)
        if path:
            field.setText(path)

    def _clear(self) -> None:
        for field in (self.prompts, self.text, self.second, self.questions, self.dataset):
            field.clear()
