"""The head of the Compare page: the verdict, or what is being done, and what can be done."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QSpinBox, QWidget

from engine.compare.table import Comparison
from engine.protocol.events import Progress
from gui.numbers import remaining
from gui.widgets.buttons import button, icon_button
from gui.widgets.frames import column, row
from gui.widgets.notes import Notes
from gui.widgets.text import label

_FEWEST = 3  # rounds; one less stands for "until sure"
_LONGEST_CLAIM = 40  # letters; longer parts of a verdict are advice and stand below the headline


class Head(QWidget):
    """The verdict with its buttons beside it, and a bar while a job is in progress.

    Attributes:
        verdict, rest: the sentence, and how sure it is.

    Signals:
        measure, stop, options, report, machines: what was asked for by a button.
    """

    measure, stop, options, report, machines = Signal(), Signal(), Signal(), Signal(), Signal()

    def __init__(self) -> None:
        super().__init__()
        self.verdict, self.rest = label("", "title", wrap=True, selectable=True), label("", "muted", wrap=True)
        self._notes = Notes()
        self.rounds = QSpinBox(minimum=_FEWEST - 1, maximum=1000, value=_FEWEST - 1)
        self.rounds.setSpecialValueText(self.tr("until sure"))
        self.rounds.setSuffix(" " + self.tr("rounds"))
        self.rounds.setToolTip(
            self.tr(
                "How often each model is timed, in turn. “Until sure” stops by itself when more would tell nothing new."
            )
        )
        self.rounds.setAccessibleName(self.tr("Rounds"))
        self.rounds.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.rounds.setFixedWidth(120)
        self.measure_button = button(self.tr("Measure"), self.measure.emit, kind="primary", icon="gauge")
        self.measure_button.setToolTip(
            self.tr("Answer the built-in prompts, time both models in turn, measure memory and quality")
        )
        self.options_button = icon_button("settings", self.tr("Choose prompts and texts…"), self.options.emit)
        self.machines_button = icon_button(
            "chip", self.tr("Show beside figures from other machines…"), self.machines.emit
        )
        self.report_button = button(self.tr("Save report…"), self.report.emit, icon="save")
        self.stop_button = button(self.tr("Stop"), self.stop.emit, icon="stop")
        self._bar = QProgressBar(textVisible=False)
        self._bar.setAccessibleName(self.tr("Progress"))
        told = row(spacing=8)
        told.addLayout(column(self.verdict, self.rest, self._notes, spacing=2), 1)
        parts: tuple[QWidget, ...] = (
            self.stop_button,
            self.rounds,
            self.options_button,
            self.measure_button,
            self.report_button,
            self.machines_button,
        )
        for part in parts:
            told.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        self.setLayout(column(told, self._bar, spacing=8))

    @property
    def wanted(self) -> int | None:
        """How many rounds the user wants; None for as many as it takes."""
        return self.rounds.value() if self.rounds.value() >= _FEWEST else None

    def show_comparison(self, comparison: Comparison | None) -> None:
        """The verdict of `comparison`, or what measuring would do."""
        self._notes.show_notes(() if comparison is None else comparison.notices)
        if comparison is None:
            self.verdict.setText(self.tr("Not measured yet"))
            self.rest.setText(
                self.tr("Measure times both models in turn, on the same machine, and says how sure the result is.")
            )
        else:
            headline, how_sure = _split(comparison.verdict_text)
            self.verdict.setText(headline)
            self.rest.setText(how_sure)

    def show_measuring(self) -> None:
        """The verdict is being sought."""
        self.verdict.setText(self.tr("Measuring"))

    def wait(self, behind: bool) -> None:
        """A job was queued, `behind` another."""
        self._bar.setRange(0, 0)
        self.rest.setText(self.tr("Waiting for another job to end") if behind else self.tr("Opening the models"))

    def show_progress(self, event: Progress) -> None:
        """How far the job is."""
        self._bar.setRange(0, 1000 if event.total > 0 else 0)
        if event.total > 0:
            self._bar.setValue(round(1000 * event.done / event.total))
        count = f"{event.done:g} / {event.total:g}" if event.total > 0 and event.total < 10_000 else ""
        self.rest.setText(" · ".join(filter(None, (event.text, count, remaining(event.eta_seconds)))))

    def show_state(self, busy: bool, kept: bool) -> None:
        """Which buttons there are while a job is `busy`, and for a comparison that is `kept` with a run."""
        focused = self.measure_button.hasFocus() or self.stop_button.hasFocus()
        self._bar.setVisible(busy)
        self.stop_button.setVisible(busy)
        for part in (self.measure_button, self.rounds, self.options_button):
            part.setVisible(not busy)
        if focused and self.isVisible():  # a button that vanishes hands the focus to the one in its place
            (self.stop_button if busy else self.measure_button).setFocus()
        for tool in (self.report_button, self.machines_button):
            tool.setVisible(not busy and kept)


def _split(verdict: str) -> tuple[str, str]:
    """A verdict's sentence, and apart from it how sure it is: ("×7.2 faster · 3.9 × smaller", "6.9–7.5, 99 % sure")."""
    first, *others = verdict.split(" · ")
    claim, _, sure = first.partition(" (")
    advice = [part for part in others if len(part) > _LONGEST_CLAIM]
    claims = [claim[:1].upper() + claim[1:], *(part for part in others if part not in advice)]
    sure = " · ".join([sure.removesuffix(")"), *advice])
    headline = " · ".join(claims).replace(" %", "\u00a0%").replace(" ×", "\u00a0×")
    return (headline, sure) if "\n" not in verdict else ("", verdict)
