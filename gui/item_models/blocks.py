"""A checkpoint's tensors as a tree of blocks with their parameters and bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QCoreApplication, QModelIndex, QPersistentModelIndex, Qt

from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.tree import Node, tree
from engine.compare.format import format_bytes, format_count
from gui.translate import engine_text
from gui.widgets.bars import SHARE

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()


@dataclass
class Block:
    """A module of the tree.

    Attributes:
        node: what the headers say about it.
        title, detail: for display; the detail is a single weight's shape after the types.
        place: its position among its siblings.
    """

    node: Node
    title: str
    detail: str
    parent: Block | None = None
    place: int = 0
    children: list[Block] = field(default_factory=list)


def build(info: CheckpointInfo) -> Block:
    """The tree of `info`'s modules, in the order in which data flows."""
    shapes = {tensor.name: " × ".join(map(str, tensor.shape)) for tensor in info.tensors}
    return _block(tree(info), shapes)


def _block(node: Node, shapes: dict[str, str], parent: Block | None = None, place: int = 0) -> Block:
    kinds = ", ".join(node.dtypes)
    shape = "" if node.children else shapes.get(f"{node.name}.weight", "")
    block = Block(node, _title(node.title), f"{kinds}  {shape}" if shape else kinds, parent, place)
    block.children = [_block(child, shapes, block, place) for place, child in enumerate(node.children)]
    return block


def _title(title: str) -> str:
    """The title in the user's language; a number behind it stays."""
    words, _, number = title.rpartition(" ")
    if not number.isdigit():
        return engine_text(title)
    if words == "Layer":
        return QCoreApplication.translate("blocks", "Layer %1").replace("%1", number)
    return f"{engine_text(words)} {number}"


def _empty() -> Block:
    return Block(Node("", "", 0, 0, ()), "", "")


class BlocksModel(QAbstractItemModel):
    """Columns: block, format, parameters, size, share of the whole as a bar (role SHARE)."""

    def __init__(self) -> None:
        super().__init__()
        self.root = _empty()

    def show_info(self, info: CheckpointInfo | None) -> None:
        """Show the tensors of `info`."""
        self.beginResetModel()
        self.root = build(info) if info else _empty()
        self.endResetModel()

    def block(self, index: Index) -> Block:
        """The block at `index`; the root for an invalid one."""
        found = index.internalPointer() if index.isValid() else self.root
        assert isinstance(found, Block)
        return found

    def index(self, row: int, column: int, parent: Index = _TOP) -> QModelIndex:
        """The index of a block's cell."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, self.block(parent).children[row])

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        """The index of the block around."""
        above = self.block(index).parent if index.isValid() else None
        return QModelIndex() if above is None or above is self.root else self.createIndex(above.place, 0, above)

    def rowCount(self, parent: Index = _TOP) -> int:
        """The number of blocks directly inside."""
        return 0 if parent.column() > 0 else len(self.block(parent).children)

    def columnCount(self, parent: Index = _TOP) -> int:
        """Five."""
        return 5

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, tooltips, alignment, the bar."""
        if not index.isValid():
            return None
        block, column = self.block(index), index.column()
        node = block.node
        if role == Qt.ItemDataRole.DisplayRole:
            return (block.title, block.detail, format_count(node.parameters), format_bytes(node.bytes), "")[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return node.name
        if role == SHARE and column == 4:
            return node.bytes / max(1, self.root.node.bytes)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (2, 3):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Column titles."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in (2, 3) else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            QCoreApplication.translate("blocks", "Block"),
            QCoreApplication.translate("blocks", "Format"),
            QCoreApplication.translate("blocks", "Parameters"),
            QCoreApplication.translate("blocks", "Size"),
            QCoreApplication.translate("blocks", "Share of the weights"),
        )[section]
