"""What a measurement is made on, and how: prompts, texts, questions, data sets, time for the rounds, a deadline."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from engine.protocol.job import CompareJob
from gui.widgets.buttons import button, icon_button
from gui.widgets.frames import column, row
from gui.widgets.text import label

TIME = int(CompareJob.model_fields["seconds"].default)
_WIDTH = 384  # pixels of a column


class MeasureOptions(QDialog):
    """Files that replace what comes with Hasten or add to it (an empty one is the built-in, or none); and times."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What is measured"))
        self._rows: dict[QWidget, QWidget] = {}
        self._column = files = column(spacing=12)
        built_in = self.tr("built in")
        self.prompts = self._add(
            self.tr("Prompts"),
            self.tr("What models that write answer: a text file with one prompt a line, or a YAML list."),
            built_in,
            self.tr("Prompts (*.txt *.yaml *.yml)"),
        )
        self.time_prompts = self._add_choice(
            self.tr("Time the rounds with these prompts"),
            self.tr("The rounds answer them in turn, instead of stretches of text that are all of one length."),
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
        self._column = times = column(spacing=12)
        self.seconds = QSpinBox(minimum=5, maximum=86400, value=TIME)
        self._add_number(
            self.tr("Time for the rounds"),
            self.tr("Where rounds go on “until sure”, they end after this time at the latest."),
            self.seconds,
            " s",
        )
        self.pause = self._add_choice(
            self.tr("Pause while other programs are busy"),
            self.tr("Between rounds, while others take much of the processors; at most half of the time above."),
        )
        self.pause.setChecked(True)
        self.clients = QSpinBox(minimum=1, maximum=256)
        self.clients.setSpecialValueText(self.tr("one only"))
        self._add_number(
            self.tr("Requests at once"),
            self.tr("How quickly so many are answered as well; each waits for its turn, and that counts."),
            self.clients,
        )
        self.deadline = QSpinBox(minimum=0, maximum=600_000)
        self.deadline.setSpecialValueText(self.tr("no deadline"))
        self._add_number(
            self.tr("Answers within"),
            self.tr("The verdict says whether 99 of 100 answers begin (of encoders: are there) within this time."),
            self.deadline,
            " ms",
        )
        self.grid = QLineEdit()
        self.grid.setPlaceholderText(self.tr("one length only"))
        self._add_field(
            self.tr("Other lengths"),
            self.tr("Prompt tokens × new tokens (× texts at once) to time as well, such as 32,128x16,64 or 32x16x1,4."),
            self.grid,
            row(self.grid),
        )
        buttons = QDialogButtonBox()
        buttons.addButton(button(self.tr("As at first"), self._clear, kind="quiet"), buttons.ButtonRole.ResetRole)
        buttons.addButton(button(self.tr("Done"), self.accept, kind="primary"), buttons.ButtonRole.AcceptRole)
        for each in (files, times):
            each.addStretch(1)
        self.setLayout(column(row(files, times, spacing=32), buttons, spacing=16, margins=(24, 24, 24, 16)))

    def show_task(self, decoder: bool) -> None:
        """Questions and other lengths are for models that write, data sets for those that do not."""
        for field in (self.questions, self.grid, self.dataset):
            self._rows[field].setVisible(decoder != (field is self.dataset))

    def _add(self, title: str, help_text: str, empty: str, kinds: str) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(empty)
        field.setClearButtonEnabled(True)
        choose = icon_button("folder", self.tr("Choose a file…"), lambda: self._choose(field, title, kinds))
        self._add_field(title, help_text, field, row(field, choose, spacing=4))
        return field

    def _add_number(self, title: str, help_text: str, field: QSpinBox, unit: str = "") -> None:
        field.setSuffix(unit)
        field.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        field.setFixedWidth(140)
        self._add_field(title, help_text, field, row(field, None))

    def _add_field(self, title: str, help_text: str, field: QWidget, line: QHBoxLayout) -> None:
        field.setAccessibleName(title)
        name, told = label(title), label(help_text, "muted", wrap=True)
        name.setBuddy(field)
        told.setFixedWidth(_WIDTH)
        told.setFixedHeight(told.heightForWidth(_WIDTH))  # a layout asks too late, and shares out what it thought of
        self._rows[field] = QWidget()
        self._rows[field].setLayout(column(name, line, told, spacing=4))
        self._column.addWidget(self._rows[field])

    def _add_choice(self, title: str, help_text: str) -> QCheckBox:
        box = QCheckBox(title)
        box.setToolTip(help_text)
        self._column.addWidget(box)
        return box

    @property
    def deadline_seconds(self) -> float | None:
        """Within what answers should begin, or None."""
        return self.deadline.value() / 1000 or None

    @property
    def clients_at_once(self) -> int | None:
        """How many requests at once are timed as well, or None."""
        return self.clients.value() if self.clients.value() > 1 else None

    def _choose(self, field: QLineEdit, title: str, kinds: str) -> None:
        path, _ = QFileDialog.getOpenFileName(self, title, field.text(), kinds)
        if path:
            field.setText(path)

    def _clear(self) -> None:
        for field in (self.prompts, self.text, self.second, self.questions, self.dataset, self.grid):
            field.clear()
        self.seconds.setValue(TIME)
        self.deadline.setValue(0)
        self.clients.setValue(1)
        self.time_prompts.setChecked(False)
        self.pause.setChecked(True)
