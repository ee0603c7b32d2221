"""What a measurement is made on, and how: prompts, texts, questions, data sets, time for the rounds, a deadline."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.bench.harness import installed, read_names
from engine.bench.pairs import read_references
from engine.bench.questions import read_questions
from engine.bench.shapes import read_grid
from engine.bench.texts import builtin_prompts, read_prompts
from engine.checkpoint.info import Task
from engine.metrics.base import DECODERS, TAGGERS
from engine.protocol.job import CompareJob
from gui.widgets.buttons import button, icon_button
from gui.widgets.frames import row
from gui.widgets.text import label

TIME = int(CompareJob.model_fields["seconds"].default)
PAIR_TOKENS = int(CompareJob.model_fields["pair_tokens"].default)
_NAME, _WIDTH = 140, 304  # pixels of a name, and of a field with its button


class MeasureOptions(QDialog):
    """Files that replace what comes with Hasten or add to it (an empty one is the built-in, or none); and times."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What is measured"))
        self.setMinimumWidth(1000)
        left, right = QFormLayout(), QFormLayout()
        columns = row(spacing=32)
        for form in (left, right):
            form.setHorizontalSpacing(16)
            form.setVerticalSpacing(8)
            form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
            columns.addLayout(form, 1)
        self._rows: dict[QWidget, tuple[QFormLayout, int]] = {}
        self._form = left
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
        self.pairs = self._add(
            self.tr("Your texts"),
            self.tr(
                "Texts and what people would write to them, such as translations or summaries: a JSONL, CSV or TSV file"
                " with source and reference. Measured are BLEU, ROUGE and the word error rate."
            ),
            self.tr("none"),
            self.tr("Texts (*.jsonl *.csv *.tsv)"),
        )
        self.pair_tokens = QSpinBox(minimum=1, maximum=100_000, value=PAIR_TOKENS)
        self._add_number(
            self.tr("Answers to them"),
            self.tr("How long what the models write to your texts may be."),
            self.pair_tokens,
            " " + self.tr("tokens"),
        )
        self.dataset = self._add(
            self.tr("Data set"),
            self.tr(
                "For encoders: a CSV of sentence, sentence, score (such as STS-B); for classifiers: text, class number;"
                " for taggers: CoNLL, or JSONL with tokens and tags."
            ),
            self.tr("none"),
            self.tr("Data sets (*.csv *.tsv *.jsonl *.conll *.conllu *.bio *.iob *.iob2 *.txt)"),
        )
        self.tag_column = QLineEdit()
        self.tag_column.setPlaceholderText(self.tr("the last column, or “tags”"))
        self._add_field(
            self.tr("Column of the tags"),
            self.tr("A number from 1 in a CoNLL file, or the name of the field in JSONL."),
            self.tag_column,
        )
        self._form = right
        self.harness = QLineEdit()
        self.harness.setPlaceholderText(self.tr("none"))
        self.harness.setEnabled(installed())
        self._add_field(
            self.tr("Tasks of lm-eval"),
            self.tr("Names apart by commas, such as arc_easy,crows_pairs_english; or paths of your own task files.")
            if installed()
            else self.tr("lm-eval is not installed: run “pip install hasten[eval]” and start Hasten again."),
            self.harness,
        )
        self.harness_limit = QSpinBox(minimum=0, maximum=1_000_000)
        self.harness_limit.setSpecialValueText(self.tr("all"))
        self.harness_limit.setEnabled(installed())
        self._add_number(
            self.tr("Documents of each"),
            self.tr("Only the first so many of each task are asked."),
            self.harness_limit,
        )
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
        )
        buttons = QDialogButtonBox()
        buttons.addButton(button(self.tr("As at first"), self._clear, kind="quiet"), buttons.ButtonRole.ResetRole)
        buttons.addButton(button(self.tr("Done"), self.accept, kind="primary"), buttons.ButtonRole.AcceptRole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(16)
        layout.addLayout(columns, 1)
        layout.addWidget(buttons)

    def job(self, candidates: tuple[str, ...], decoder: bool, rounds: int | None, threads: int | None) -> CompareJob:
        """The measurement of `candidates`; questions and references are for a `decoder`.

        Raises UserError for a file that cannot be read and for lengths that are none.
        """
        return CompareJob(
            candidates=candidates,
            prompts=read_prompts(self.prompts.text()) or builtin_prompts(),
            text=self.text.text().strip() or None,
            second_text=self.second.text().strip() or None,
            questions=read_questions(self.questions.text()) if decoder else (),
            pairs=read_references(self.pairs.text()) if decoder else (),
            harness=read_names(self.harness.text()) if decoder else (),
            harness_limit=self.harness_limit.value() or None,
            pair_tokens=self.pair_tokens.value(),
            dataset=self.dataset.text().strip() or None,
            tag_column=self.tag_column.text().strip() or None,
            rounds=rounds,
            seconds=self.seconds.value(),
            threads=threads,
            pause=self.pause.isChecked(),
            time_prompts=self.time_prompts.isChecked(),
            clients=self.clients.value() if self.clients.value() > 1 else None,
            deadline_seconds=self.deadline.value() / 1000 or None,
            grid=read_grid(self.grid.text()),
        )

    def show_task(self, task: Task) -> None:
        """Questions, references and other lengths are for models that write, data sets for those that do not."""
        writing = (self.questions, self.pairs, self.pair_tokens, self.harness, self.harness_limit, self.grid)
        shown: dict[QWidget, bool] = dict.fromkeys(writing, task in DECODERS)
        shown |= {self.dataset: task not in DECODERS, self.tag_column: task in TAGGERS}
        for field, there in shown.items():
            form, place = self._rows[field]
            form.setRowVisible(place, there)
            form.setRowVisible(place + 1, there)

    def _add(self, title: str, help_text: str, empty: str, kinds: str) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(empty)
        field.setClearButtonEnabled(True)
        choose = icon_button("folder", self.tr("Choose a file…"), lambda: self._choose(field, title, kinds))
        self._add_field(title, help_text, field, choose)
        return field

    def _add_number(self, title: str, help_text: str, field: QSpinBox, unit: str = "") -> None:
        field.setSuffix(unit)
        field.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        field.setFixedWidth(140)
        self._add_field(title, help_text, field)

    def _add_field(self, title: str, help_text: str, field: QWidget, *beside: QWidget) -> None:
        field.setAccessibleName(title)
        name = label(title)
        name.setMinimumWidth(_NAME)
        name.setBuddy(field)
        self._rows[field] = self._form, self._form.rowCount()
        both = row(field, *beside, spacing=4)
        if field.maximumWidth() < _WIDTH:
            both.addStretch(1)
        self._form.addRow(name, both)
        told = label(help_text, "muted", wrap=True)
        told.setAlignment(Qt.AlignmentFlag.AlignTop)
        told.setFixedWidth(_WIDTH)
        told.setFixedHeight(told.heightForWidth(_WIDTH))  # a form asks too late, and shares out what it thought of
        self._form.addRow("", told)

    def _add_choice(self, title: str, help_text: str) -> QCheckBox:
        box = QCheckBox(title)
        box.setToolTip(help_text)
        self._form.addRow("", box)
        return box

    def _choose(self, field: QLineEdit, title: str, kinds: str) -> None:
        path, _ = QFileDialog.getOpenFileName(self, title, field.text(), kinds)
        if path:
            field.setText(path)

    def _clear(self) -> None:
        for field in self.findChildren(QLineEdit):
            if not isinstance(field.parent(), QSpinBox):
                field.clear()
        self.pair_tokens.setValue(PAIR_TOKENS)
        self.harness_limit.setValue(0)
        self.seconds.setValue(TIME)
        self.deadline.setValue(0)
        self.clients.setValue(1)
        self.time_prompts.setChecked(False)
        self.pause.setChecked(True)
