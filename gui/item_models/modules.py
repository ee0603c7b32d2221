"""A profile's parts as a table: of every model the time, its share, a bar and the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, Qt

from engine.compare.format import format_percent, format_seconds
from engine.compare.module_times import Grouping, ModuleProfile, PhaseName, Row, rows
from engine.compare.modules import Half, Kind
from gui.item_models.rows import Column, RowsModel
from gui.numbers import MISSING, interval, measured, size
from gui.widgets.bars import SHARE

_OF_A_MODEL = 4  # columns
_BAR = 2  # the bar among them
_SHOWN = 6  # operators that a tooltip names


class ModulesModel(RowsModel[Row]):
    """Rows of parts. Bars are shares of their own model's time, all in one scale."""

    def __init__(self) -> None:
        super().__init__(())
        self._largest = 1e-12

    def show_profile(self, found: ModuleProfile, phase: PhaseName, grouping: Grouping) -> None:
        """Show the parts of `found`, in the order in which a token goes through them."""
        listed = rows(found, phase, grouping)
        self._largest = max([1e-12, *(share for row in listed for share in row.shares if share)])
        columns = [Column[Row](_tr("Part"), part_title, sort=lambda row: row.place.order)]
        for place, model in enumerate(found.models):
            columns += _columns(place, model.name)
        self.reset(listed, columns)

    def bars(self) -> range:
        """The columns that are drawn as bars."""
        return range(1 + _BAR, len(self.columns), _OF_A_MODEL)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The bar's share beside the usual roles."""
        if role == SHARE and index.isValid() and index.column() in self.bars():
            share = self.rows[index.row()].shares[(index.column() - 1) // _OF_A_MODEL]
            return None if share is None else max(0.0, share) / self._largest
        return super().data(index, role)


def _columns(place: int, name: str) -> list[Column[Row]]:
    """The columns of model `place`, called `name`."""
    return [
        Column(
            name,
            lambda row: measured(cell.seconds) if (cell := row.cells[place]) else MISSING,
            sort=_seconds(place),
            tip=lambda row: _tip(row, place),
            number=True,
            help=_tr("Median time of a pass, with half of its 95 % interval"),
        ),
        Column(
            _tr("Share"),
            lambda row: MISSING if (share := row.shares[place]) is None else format_percent(share),
            sort=lambda row: row.shares[place] or 0.0,
            number=True,
            help=_tr("Of the whole pass; the shares add up"),
        ),
        Column("", lambda row: "", sort=_seconds(place)),
        Column(
            _tr("Weights"),
            lambda row: size(cell.weight_bytes) if (cell := row.cells[place]) and cell.weight_bytes else MISSING,
            sort=lambda row: cell.weight_bytes if (cell := row.cells[place]) else 0,
            number=True,
            help=_tr("Bytes of the weights that the part holds; what two parts share counts for each"),
        ),
    ]


def _seconds(place: int) -> Callable[[Row], float]:
    return lambda row: cell.seconds.value if (cell := row.cells[place]) else 0.0


def _tip(row: Row, place: int) -> str:
    """The interval, and which operators the time went into."""
    cell = row.cells[place]
    if cell is None:
        return _tr("This model has no such part")
    told = [f"{name}: {format_seconds(seconds)}" for name, seconds in list(cell.operators.items())[:_SHOWN]]
    return "\n".join([interval(cell.seconds), *told])


def part_title(row: Row) -> str:
    """As people call it."""
    layer = "" if row.place.layer is None else _tr("Layer %1").replace("%1", str(row.place.layer))
    part = "" if row.whole else kind_title(row.place.kind)
    return " · ".join(filter(None, (half_title(row.place.half), layer, part)))


def half_title(half: Half) -> str:
    """A half of an encoder-decoder as people call it; empty for models of one half."""
    titles: dict[Half, str] = {"": "", "encoder": _tr("Encoder"), "decoder": _tr("Decoder")}
    return titles[half]


def kind_title(kind: Kind) -> str:
    """A kind of part as people call it."""
    return {
        "embedding": _tr("Embedding"),
        "attention": _tr("Attention"),
        "cross": _tr("Attention to the prompt"),
        "mlp": _tr("MLP"),
        "norm": _tr("Norms"),
        "layer": _tr("Between its parts"),
        "head": _tr("Output head"),
        "shared": _tr("Shared by all layers"),
        "between": _tr("Outside of all parts"),
    }[kind]


def _tr(text: str) -> str:
    return QCoreApplication.translate("ModulesModel", text)
