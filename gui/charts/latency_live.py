"""Inter-token latency while the models write."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.charts.live import LiveChart
from gui.translate import QT_TRANSLATE_NOOP


class LatencyLiveChart(LiveChart):
    """Milliseconds between one token and the next."""

    title = QT_TRANSLATE_NOOP("Chart", "Inter-token latency")
    help = QT_TRANSLATE_NOOP("Chart", "Seconds between one token and the next, as they arrive.")
    unit = "s"
    factor = 1e3

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot.setLabel("left", "ms")
        self._paint_axes()
