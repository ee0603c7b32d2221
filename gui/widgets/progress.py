"""A job at work: what it does now, how far, how long still, and a Cancel that works."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar

from engine.compare.format import format_bytes
from engine.protocol.events import Event, Log, Progress
from gui.jobs.handle import Handle
from gui.numbers import remaining
from gui.widgets.buttons import button
from gui.widgets.frames import Card, row
from gui.widgets.text import ElidedLabel, label

_STEPS = 1000


class ProgressCard(Card):
    """Hidden until `follow`; hides when the job ends.

    Signals:
        cancelled: the user asked to stop.
    """

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__(kind="card", spacing=8, margins=16)
        self.title, self.text, self.amount = label("", "section"), ElidedLabel("", "muted"), label("", "caption")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel = button(self.tr("Cancel"), self.cancelled.emit)
        self.body.addLayout(row(self.title, None, self.cancel))
        self.body.addWidget(self.bar)
        told = row(self.text, self.amount)
        told.setStretch(0, 1)
        self.body.addLayout(told)
        self.hide()

    def follow(self, handle: Handle, title: str) -> None:
        """Show `handle` until it ends."""
        self.title.setText(title)
        self.text.setText(self.tr("Starting the engine…"))
        self.amount.setText("")
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName(title)
        handle.events.connect(self._on_events)
        handle.finished.connect(self.hide)
        handle.failed.connect(self.hide)
        self.show()

    def _on_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Log):
                self.text.setText(event.text)
            elif isinstance(event, Progress):
                self._show(event)

    def _show(self, event: Progress) -> None:
        if event.total > 0:
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(round(_STEPS * min(1.0, event.done / event.total)))
        else:
            self.bar.setRange(0, 0)
        if event.text:
            self.text.setText(event.text)
        parts = []
        if event.unit == "B" and event.total > 0:
            amount = self.tr("%1 of %2")
            parts.append(amount.replace("%1", format_bytes(event.done)).replace("%2", format_bytes(event.total)))
        if left := remaining(event.eta_seconds):
            parts.append(left)
        self.amount.setText(" · ".join(parts))
