"""What the recipe will make of the model's size, from headers alone."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from engine.checkpoint.info import CheckpointInfo
from engine.compare.format import format_bytes
from engine.passes import catalog as passes
from engine.protocol.errors import UserError
from engine.protocol.measurement import Measurement
from engine.recipe.options import parse_options
from engine.recipe.recipe import Recipe
from engine.runtimes import catalog as runtimes
from gui.document.document import Document
from gui.item_models.runs import measured_speed
from gui.numbers import measured
from gui.translate import engine_text
from gui.widgets.bars import Strip
from gui.widgets.frames import clear, column, row
from gui.widgets.text import ElidedLabel, label


class Forecast(QWidget):
    """The size now and after each pass, as a sentence and as bars."""

    def __init__(self, document: Document, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._speed: Measurement | None = None
        self.now, self.expected = label("", "original"), label("", "accent")
        self.arrow = label("→", "muted")
        self.estimate = label("", "caption")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnMinimumWidth(0, 148)
        line = row(self.now, self.arrow, self.expected, None, spacing=8)
        self.setLayout(column(label(self.tr("Size"), "section"), line, 4, self._grid, self.estimate, spacing=8))

    def look_up(self) -> None:
        """Read from the history how fast the open checkpoint is."""
        self._speed = measured_speed(self._document.checkpoint) if self._document.checkpoint else None

    def _built(self, layout: CheckpointInfo) -> int:
        """Bytes of weights that the target will read."""
        target = self._document.recipe.target
        spec = runtimes.get(target.runtime)
        if spec.weight_bytes is None:
            return layout.bytes
        try:
            options = parse_options(spec.options, target.options, target.runtime)
        except UserError:
            return layout.bytes
        built = spec.weight_bytes(layout, options)
        if target.speculation == "original" and self._document.info is not None:
            built += spec.weight_bytes(self._document.info, options)
        return built

    def refresh(self) -> None:
        """Predict again."""
        clear(self._grid)
        info = self._document.info
        self.setVisible(info is not None)
        if info is None:
            return
        layouts = self._document.predictions()
        now = self.tr("now %1").replace("%1", format_bytes(info.bytes))
        if self._speed is not None:
            now += " · " + self.tr("%1 (measured)").replace("%1", measured(self._speed))
        self.now.setText(now)
        recipe = self._document.recipe
        foreseen = bool(layouts) and recipe != Recipe()
        for part in (self.arrow, self.expected, self.estimate):
            part.setVisible(foreseen)
        if not layouts:
            self.estimate.setText(self.tr("The size can be foreseen once the problems are solved."))
            self.estimate.show()
            return
        built = self._built(layouts[-1])
        self.expected.setText(self.tr("expected ≈ %1").replace("%1", format_bytes(built)))
        told = self.tr("Estimated from the headers; the run measures it.")
        if self._document.recipe.target.speculation == "draft":
            told += " " + self.tr("The draft model comes on top.")
        self.estimate.setText(told)
        if not foreseen:
            return
        steps = self.tr("after %1")
        names = [self.tr("original"), *(engine_text(passes.get(entry.name).title) for entry in recipe.active)]
        names = [names[0], *(steps.replace("%1", name) for name in names[1:])]
        sizes = [layout.bytes for layout in layouts]
        names.append(self.tr("in %1").replace("%1", engine_text(runtimes.get(recipe.target.runtime).title)))
        sizes.append(built)
        largest = max(*sizes, 1)
        for line, (name, count) in enumerate(zip(names, sizes, strict=True)):
            strip = Strip()
            size = format_bytes(count)
            strip.show_parts([("accent" if line else "original", count / largest)], f"{name}: {size}")
            term = ElidedLabel(name, "muted")
            term.setText(name)
            self._grid.addWidget(term, line, 0)
            self._grid.addWidget(strip, line, 1)
            self._grid.addWidget(label(size), line, 2)
