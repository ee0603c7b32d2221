"""What each step of a run gained and lost, one bar after the other, from the original to the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from engine.compare.explanation import Change, Explanation, Step
from engine.compare.explanation_words import change, percent, signed, signed_bytes, signed_seconds
from gui.charts.base import Chart, Reading, Row, escaped, line
from gui.forms.editors import ComboBox
from gui.item_models.explanation import step_name, unit_of
from gui.numbers import MISSING, duration, size
from gui.theme.theme import colour, font, theme
from gui.translate import QT_TRANSLATE_NOOP

MIB, MS = float(1 << 20), 1e-3
LONGEST = 30  # letters of a name beside the axis; the tooltip and the table have all


@dataclass(frozen=True)
class _Bar:
    """One row, in the axis's unit: from `start` to `stop`, with the bounds of `stop` where it is uncertain."""

    name: str
    start: float
    stop: float
    text: str
    whole: bool = False
    low: float | None = None
    high: float | None = None
    step: Step | None = None


class WaterfallChart(Chart):
    """Every step begins where the one above it ended; the whole stands below them."""

    title = QT_TRANSLATE_NOOP("Chart", "What each step cost or saved")
    help = QT_TRANSLATE_NOOP(
        "Chart", "Every bar begins where the one above it ended. Orange is worse, blue is better; thin lines: 95 %."
    )

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Explanation | None = None
        self._bars: list[_Bar] = []
        self.quantity = ComboBox()
        self.quantity.setAccessibleName(self.tr("What the bars show"))
        self.quantity.currentIndexChanged.connect(lambda _: self._show())
        self.add_tool(self.quantity)
        self.plot.getAxis("left").setStyle(tickLength=0)
        self.plot.setLabel("bottom", " ")
        self._paint_axes()

    def show_explanation(self, found: Explanation) -> None:
        """Draw the quantity that is chosen of `found`; the table has them all."""
        self._found = found
        self.quantity.blockSignals(True)
        self.quantity.clear()
        self.quantity.addItem(self.tr("distance from the original"), "loss")
        self.quantity.addItem(self.tr("weights"), "weights")
        if found.seconds is not None:
            self.quantity.addItem(self._timed(found), "time")
        self.quantity.blockSignals(False)
        self._show()

    def _show(self) -> None:
        found, quantity = self._found, self.quantity.currentData()
        if found is None or quantity is None:
            return
        self.zoom.reset()
        self._bars = {"loss": self._losses, "weights": self._weights, "time": self._times}[quantity](found)
        label = {
            "loss": self.tr("distance from the original, %1").replace("%1", unit_of(found)),
            "weights": self.tr("weights, MiB"),
            "time": self.tr("%1, ms").replace("%1", self._timed(found)),
        }[quantity]
        self.plot.setLabel("bottom", label)
        self._paint_axes()
        self.plot.getAxis("left").setStyle(tickLength=0)
        self.recolour()
        self.refresh_table()

    def recolour(self) -> None:
        """Draw everything."""
        self.crosshair.show(None)
        self.plot.clear()
        if not getattr(self, "_bars", None):
            return
        for place, bar in enumerate(self._bars):
            self._draw(bar, -place, last=place == len(self._bars) - 1)
        ticks = [(-place, _shortened(bar.name)) for place, bar in enumerate(self._bars)]
        self.plot.getAxis("left").setTicks([ticks])
        ends = [x for bar in self._bars for x in (bar.start, bar.stop, bar.low, bar.high) if x is not None]
        low, high = min(0.0, *ends), max(0.0, *ends)
        span = (high - low) or 1.0
        self.fit((low - (0.02 * span if low < 0 else 0.0), high + 0.42 * span), (-len(self._bars) + 0.4, 0.6))

    def headers(self) -> Row:
        """Step, and every quantity."""
        found = self._found
        if found is None:
            return (self.tr("step"), self.tr("weights"))
        lost = self.tr("lost, %1").replace("%1", unit_of(found))
        timed = (self._timed(found),) if found.seconds is not None else ()
        likely = (self.tr("perplexity"),) if found.perplexity is not None else ()
        return (self.tr("step"), self.tr("weights"), lost, *likely, *timed)

    def rows(self) -> list[Row]:
        """One row per step, between the original and the sum."""
        found = self._found
        if found is None:
            return []
        timed, likely = found.seconds is not None, found.perplexity is not None
        first = [self.tr("Original"), size(found.weight_bytes), MISSING]
        first += [f"{found.perplexity:.2f}"] if found.perplexity is not None else []
        first += [duration(found.seconds)] if timed else []
        rows: list[Row] = [tuple(first)]
        for step in found.steps:
            cells = [step_name(step), signed_bytes(step.weight_bytes), change(step.loss)]
            cells += [percent(step.perplexity.value) if step.perplexity else MISSING] if likely else []
            cells += [signed_seconds(step.seconds.value) if step.seconds else MISSING] if timed else []
            rows.append(tuple(cells))
        whole = [self.tr("All steps"), signed_bytes(sum(step.weight_bytes for step in found.steps)), signed(found.loss)]
        if likely:
            whole.append(percent(sum(s.perplexity.value for s in found.steps if s.perplexity)))
        if timed:
            whole.append(signed_seconds(sum(s.seconds.value for s in found.steps if s.seconds)))
        return [*rows, tuple(whole)]

    def _timed(self, found: Explanation) -> str:
        """What is timed; a model without perplexity writes no tokens."""
        return self.tr("time per token") if found.perplexity is not None else self.tr("time per request")

    # The bars -------------------------------------------------------------------------------------------------

    def _losses(self, found: Explanation) -> list[_Bar]:
        bars = _falling(0.0, [(step, step.loss, signed(step.loss.value)) for step in found.steps], 1.0)
        return [*bars, _Bar(self.tr("All steps"), 0.0, found.loss, signed(found.loss), whole=True)]

    def _weights(self, found: Explanation) -> list[_Bar]:
        changes = [
            (step, Change(value=step.weight_bytes, low=step.weight_bytes, high=step.weight_bytes, samples=1),
             signed_bytes(step.weight_bytes))
            for step in found.steps
        ]  # fmt: skip
        result = found.weight_bytes + sum(step.weight_bytes for step in found.steps)
        return [
            _Bar(self.tr("Original"), 0.0, found.weight_bytes / MIB, size(found.weight_bytes), whole=True),
            *_falling(found.weight_bytes, changes, MIB),
            _Bar(self.tr("Result"), 0.0, result / MIB, size(result), whole=True),
        ]

    def _times(self, found: Explanation) -> list[_Bar]:
        if found.seconds is None:
            return []
        changes = [(step, step.seconds, signed_seconds(step.seconds.value)) for step in found.steps if step.seconds]
        changes = [*changes[-1:], *changes[:-1]]  # the runtime first: passes are timed in it
        result = found.seconds + sum(moved.value for _, moved, _ in changes)
        return [
            _Bar(self.tr("Original"), 0.0, found.seconds / MS, duration(found.seconds), whole=True),
            *_falling(found.seconds, changes, MS),
            _Bar(self.tr("Result"), 0.0, result / MS, duration(result), whole=True),
        ]

    def _draw(self, bar: _Bar, y: float, *, last: bool) -> None:
        tint = self._tint(bar)
        width = bar.stop - bar.start
        self.plot.addItem(pg.BarGraphItem(x0=[bar.start], y=[y], width=[width], height=0.62, brush=tint, pen=tint))
        right = max(bar.start, bar.stop)
        if bar.low is not None and bar.high is not None and bar.high > bar.low:
            right = max(right, bar.high)
            self.plot.plot([bar.low, bar.high], [y, y], pen=line(colour("text")))
        if not last:
            self.plot.plot([bar.stop, bar.stop], [y - 0.31, y - 0.69], pen=line(colour("muted"), dashed=True))
        text = pg.TextItem(f"\u2002{bar.text}", color=colour("text"), anchor=(0, 0.5))
        text.setFont(font("caption"))
        text.setPos(right, y)
        self.plot.addItem(text)

    def _tint(self, bar: _Bar) -> QColor:
        """The original's and the result's own colours; Okabe and Ito's blue and orange, which nobody mixes up."""
        if bar.whole:
            return colour("original" if bar is self._bars[0] else "accent")
        blue, orange = theme().tokens.series[:2]
        return QColor(orange if bar.stop > bar.start else blue)

    def reading(self, x: float, y: float) -> Reading | None:
        """All about the step at `y`."""
        index = round(-y)
        if not 0 <= index < len(self._bars):
            return None
        return Reading(self._bars[index].stop, -index, escaped(self.tip(index)))

    def stops(self) -> Sequence[tuple[float, float]]:
        """The bars from above."""
        return [(bar.stop, -float(place)) for place, bar in enumerate(self._bars)]

    def tip(self, index: int) -> str:
        """What is known of bar `index`, a line each."""
        bar, found = self._bars[index], self._found
        step = bar.step
        if step is None or found is None:
            return f"{bar.name}\n{bar.text}"
        lines = [step_name(step), self.tr("weights: %1").replace("%1", signed_bytes(step.weight_bytes))]
        lines.append(self.tr("lost: %1 %2").replace("%1", change(step.loss)).replace("%2", unit_of(found)))
        if step.perplexity is not None:
            share = percent(step.perplexity.value)
            lines.append(self.tr("perplexity: %1").replace("%1", share))
        if step.seconds is not None:
            lines.append(f"{self._timed(found)}: {signed_seconds(step.seconds.value)}")
        return "\n".join(lines)


def _falling(begin: float, changes: list[tuple[Step, Change, str]], scale: float) -> list[_Bar]:
    """A bar for each change, each beginning where the one before it ended."""
    bars, level = [], begin
    for step, moved, text in changes:
        bars.append(
            _Bar(
                step_name(step), level / scale, (level + moved.value) / scale, text,
                low=(level + moved.low) / scale, high=(level + moved.high) / scale, step=step,
            )
        )  # fmt: skip
        level += moved.value
    return bars


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
