"""How the next token is chosen: temperature, top-k, top-p, seed, and how long an answer may be."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QMenu, QPushButton, QSpinBox, QWidget, QWidgetAction

from engine.protocol.job import Sampling
from gui.widgets.text import label


class SamplingButton(QPushButton):
    """A button that says how tokens are chosen and opens the form that changes it.

    Signals:
        changed: another choice.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "quiet")
        self.setToolTip(self.tr("How the next token is chosen, and how long an answer may be"))
        form = QWidget()
        layout = QFormLayout(form)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        self.temperature = QDoubleSpinBox(minimum=0, maximum=5, singleStep=0.1, decimals=2)
        self.top_k = QSpinBox(minimum=0, maximum=1000)
        self.top_k.setSpecialValueText(self.tr("all"))
        self.top_p = QDoubleSpinBox(minimum=0.01, maximum=1, singleStep=0.05, decimals=2, value=1)
        self.seed = QSpinBox(minimum=0, maximum=2**31 - 1)
        self.length = QSpinBox(minimum=1, maximum=8192, value=128)
        self.length.setSuffix(" " + self.tr("tokens"))
        for title, help_text, field in (
            (
                self.tr("Temperature"),
                self.tr("0 always takes the likeliest token; higher is more varied."),
                self.temperature,
            ),
            (self.tr("Top k"), self.tr("Choose among this many of the likeliest tokens only."), self.top_k),
            (
                self.tr("Top p"),
                self.tr("Choose among the likeliest tokens that together have this probability."),
                self.top_p,
            ),
            (self.tr("Seed"), self.tr("The same seed draws the same tokens again."), self.seed),
            (self.tr("Longest answer"), self.tr("An answer ends here even if the model would go on."), self.length),
        ):
            name = label(title)
            name.setBuddy(field)
            for part in (name, field):
                part.setToolTip(help_text)
            field.setAccessibleName(title)
            field.valueChanged.connect(self._on_changed)
            layout.addRow(name, field)
        menu = QMenu(self)
        action = QWidgetAction(menu)
        action.setDefaultWidget(form)
        menu.addAction(action)
        self.setMenu(menu)
        self._write()

    @property
    def sampling(self) -> Sampling:
        """The choice as the engine takes it."""
        return Sampling(
            temperature=self.temperature.value(),
            top_k=self.top_k.value(),
            top_p=self.top_p.value(),
            seed=self.seed.value(),
        )

    def _on_changed(self) -> None:
        self._write()
        self.changed.emit()

    def _write(self) -> None:
        greedy = self.temperature.value() == 0
        way = (
            self.tr("likeliest token")
            if greedy
            else self.tr("temperature %1").replace("%1", f"{self.temperature.value():g}")
        )
        self.setText(self.tr("%1 · up to %2 tokens ▾").replace("%1", way).replace("%2", str(self.length.value())))
        for field in (self.top_k, self.top_p, self.seed):
            field.setEnabled(not greedy)
