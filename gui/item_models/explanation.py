"""Where a difference comes from, for tables: the steps' names, and the layers with their errors and shares."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, Qt

from engine.compare.explanation import Explanation, Layer, Step
from engine.compare.explanation_words import change, signed
from engine.compare.format import format_percent
from engine.passes import catalog as passes
from engine.runtimes import catalog as runtimes
from gui.item_models.rows import Column, RowsModel
from gui.numbers import MISSING
from gui.translate import engine_text
from gui.widgets.bars import SHARE

ERROR_BAR, WON_BAR = 2, 5
WON = 4  # the column that the table is sorted by at first


class LayersModel(RowsModel[Layer]):
    """Rows of layers with bars for their own error and for what restoring them wins back."""

    def __init__(self) -> None:
        super().__init__(())
        self._largest_error = self._largest_share = 1e-30

    def show_layers(self, found: Explanation) -> None:
        """Show the layers of `found`, in the model's order."""
        self._largest_error = max([1e-30, *(layer.own_error or 0.0 for layer in found.layers)])
        self._largest_share = max([1e-30, *(layer.won_back.value for layer in found.layers if layer.won_back)])
        self.reset(found.layers, _columns(found))

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The bars' shares beside the usual roles."""
        if role == SHARE and index.isValid():
            layer = self.rows[index.row()]
            if index.column() == ERROR_BAR and layer.own_error:
                return layer.own_error / self._largest_error
            if index.column() == WON_BAR and layer.won_back is not None and layer.won_back.value > 0:
                return layer.won_back.value / self._largest_share
            return None
        return super().data(index, role)


def _columns(found: Explanation) -> tuple[Column[Layer], ...]:
    won = _tr("Won back, %1").replace("%1", unit_of(found))
    return (
        Column(_tr("Layer"), layer_title, sort=_place, tip=lambda layer: layer.name),
        Column(
            _tr("Own error"),
            _own_error,
            sort=lambda layer: layer.own_error or 0.0,
            number=True,
            help=_tr("How far its output is from the original's, given what it is given there"),
        ),
        Column("", lambda layer: "", sort=lambda layer: layer.own_error or 0.0),
        Column(
            _tr("Accumulated"),
            lambda layer: _share(layer.accumulated_error),
            sort=lambda layer: layer.accumulated_error or 0.0,
            number=True,
            help=_tr("The same, given what the layers before it make of the text now: errors that have added up"),
        ),
        Column(
            won,
            lambda layer: signed(layer.won_back.value) if layer.won_back else MISSING,
            sort=lambda layer: layer.won_back.value if layer.won_back else -math.inf,
            tip=lambda layer: change(layer.won_back) if layer.won_back else "",
            number=True,
            help=_tr("How much nearer the model comes to its original when this layer alone has its weights; measured"),
        ),
        Column("", lambda layer: "", sort=lambda layer: layer.won_back.value if layer.won_back else -math.inf),
    )


def layer_title(layer: Layer) -> str:
    """As people call it."""
    if layer.part == "embedding":
        return _tr("Embedding")
    return _tr("Output head") if layer.part == "head" else _tr("Layer %1").replace("%1", str(layer.index))


def step_name(step: Step) -> str:
    """A step as people call it: "Quantize · int4 / 32"."""
    if step.position is None:
        spec = runtimes.all_runtimes().get(step.name)
        return _tr("Build for %1").replace("%1", engine_text(spec.title) if spec else step.name)
    known = passes.all_passes().get(step.name)
    title = engine_text(known.title) if known else step.title
    return f"{title} · {step.detail}" if step.detail else title


def unit_of(found: Explanation) -> str:
    """What the distance from the original is measured in."""
    return _tr("nats") if found.measure == "kl_divergence_nats" else _tr("1 − cosine")


def _own_error(layer: Layer) -> str:
    if layer.state == "dropped":
        return _tr("dropped")
    return _tr("unchanged") if layer.state == "same" else _share(layer.own_error)


def _share(error: float | None) -> str:
    return MISSING if error is None else format_percent(error)


def _place(layer: Layer) -> int:
    if layer.index is not None:
        return layer.index
    return -1 if layer.part == "embedding" else 1 << 30


def _tr(text: str) -> str:
    return QCoreApplication.translate("ExplanationModel", text)
