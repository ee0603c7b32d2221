"""A profile's blocks as a table: what each costs, and its share of the time."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

from engine.bench.profile import BlockProfile, Cost, Profile
from engine.compare.format import format_bytes, format_count
from gui.item_models.rows import Column, RowsModel
from gui.numbers import measured
from gui.widgets.bars import SHARE

BAR = 2


class ProfileModel(RowsModel[BlockProfile]):
    """Rows of blocks. `decode` picks the phase: one new token, or the whole prompt."""

    def __init__(self) -> None:
        super().__init__(())
        self.decode = True
        self._largest = 1e-12

    def show_profile(self, profile: Profile, *, decode: bool) -> None:
        """Show one phase of `profile`, blocks in order of execution."""
        self.decode = decode and profile.decode_seconds is not None
        times = [self.cost(block).seconds.value for block in profile.blocks]
        self._largest = max([*times, 1e-12])
        self.reset(profile.blocks, self._columns())

    def cost(self, block: BlockProfile) -> Cost:
        """What the phase on show costs in `block`."""
        return block.decode if self.decode and block.decode is not None else block.prefill

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The bar's share beside the usual roles."""
        if role == SHARE and index.isValid() and index.column() == BAR:
            return self.cost(self.rows[index.row()]).seconds.value / self._largest
        return super().data(index, role)

    def _columns(self) -> tuple[Column[BlockProfile], ...]:
        return (
            Column(self.tr("Block"), lambda b: b.title, tip=lambda b: b.name),
            Column(
                self.tr("Time"),
                lambda b: measured(self.cost(b).seconds),
                sort=lambda b: self.cost(b).seconds.value,
                number=True,
                help=self.tr("Measured wall time, median over repeats, with its 95 % interval."),
            ),
            Column(self.tr("Share of the slowest block"), lambda b: ""),
            Column(
                self.tr("FLOPs"),
                lambda b: format_count(self.cost(b).flops),
                sort=lambda b: self.cost(b).flops,
                number=True,
                help=self.tr("Floating-point operations, counted; a multiply-add is two."),
            ),
            Column(
                self.tr("Memory traffic"),
                lambda b: format_bytes(self.cost(b).bytes),
                sort=lambda b: self.cost(b).bytes,
                number=True,
                help=self.tr("Bytes that must be read or written: weights, inputs, outputs."),
            ),
        )
