"""Which part of a picture is on show: all that a chart wants to show, or what the user chose by mouse or keyboard."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QObject, Signal

Span = tuple[float, float]
STEP = 1.25  # what one key press or menu entry zooms by


class Zoom(QObject):
    """The ranges of `plot`.

    Attributes:
        active: the user chose what is on show, and the chart leaves it so until `reset`.

    Signals:
        changed(bool): `active` is another now.
    """

    changed = Signal(bool)

    def __init__(self, plot: pg.PlotItem, parent: QObject) -> None:
        super().__init__(parent)
        self.active = False
        self._plot, self._box = plot, plot.getViewBox()
        self._home: tuple[Span, Span] | None = None
        self._whole: tuple[Span, Span] | None = None
        self._box.sigRangeChangedManually.connect(lambda _: self._on_moved())

    def fit(self, x: Span, y: Span, whole: tuple[Span, Span] | None = None) -> None:
        """Show `x` and `y`, unless the user has zoomed; `whole`: where one can go to, if that is more."""
        wide = whole or (x, y)
        if self._whole != wide:
            self._whole = wide
            (left, right), (low, high) = wide
            self._box.setLimits(xMin=left, xMax=right, yMin=low, yMax=high)
        if self._home != (x, y):
            self._home = (x, y)
            if not self.active:
                self._show(x, y)

    def reset(self) -> None:
        """Show all again."""
        self._set_active(False)
        if self._home is not None:
            self._show(*self._home)

    def by(self, factor: float, x: float | None = None) -> None:
        """Show `factor` times more detail around `x`, or around the middle."""
        (left, right), (low, high) = self._box.viewRange()
        self._box.scaleBy((1 / factor, 1 / factor), center=((left + right) / 2 if x is None else x, (low + high) / 2))
        self._on_moved()

    def pan(self, share: float) -> None:
        """Move to the right by `share` of what is on show."""
        left, right = self._box.viewRange()[0]
        self._box.translateBy(x=share * (right - left))
        self._on_moved()

    def _on_moved(self) -> None:
        """The user moved the picture; back at where it was, nothing is chosen."""
        here = [edge for span in self._box.viewRange() for edge in span]
        there = [edge for span in self._home or () for edge in span]
        self._set_active(not np.allclose(here, there, rtol=1e-6) if there else True)

    def _show(self, x: Span, y: Span) -> None:
        self._box.setRange(xRange=x, yRange=y, padding=0)

    def _set_active(self, active: bool) -> None:
        if self.active != active:
            self.active = active
            self.changed.emit(active)
