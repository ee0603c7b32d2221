"""Tokens per second while the models write."""

from __future__ import annotations

from collections import deque

from PySide6.QtWidgets import QWidget

from engine.compare.format import format_number
from engine.protocol.events import Token
from gui.charts.live import LiveChart
from gui.translate import QT_TRANSLATE_NOOP

SPAN = 16  # tokens that the rate is taken over


class RateLiveChart(LiveChart):
    """The rate over each model's latest tokens, by its own clock: interleaving with others does not count."""

    title = QT_TRANSLATE_NOOP("Chart", "Tokens per second")
    help = QT_TRANSLATE_NOOP("Chart", "How fast each model writes, over its latest tokens.")
    unit = "1/s"
    shown_unit = "1/s"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recent: dict[int, deque[float]] = {}
        self.plot.setLabel("left", self.tr("tokens/s"))
        self._paint_axes()

    def clear(self) -> None:
        """Begin anew."""
        self._recent.clear()
        super().clear()

    def figure(self, value: float) -> str:
        """The bare number: the heading says the unit."""
        return format_number(value)

    def value_of(self, candidate: int, token: Token) -> float | None:
        """Tokens over seconds of the latest SPAN tokens; nothing for an answer's first token."""
        if token.index == 0:
            return None
        recent = self._recent.setdefault(candidate, deque(maxlen=SPAN))
        recent.append(token.seconds)
        spent = sum(recent)
        return len(recent) / spent if spent > 0 else None
