"""A checkpoint's tensors as a tree of blocks with their parameters and bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import (
    QT_TRANSLATE_NOOP,
    QAbstractItemModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)

from engine.checkpoint.info import CheckpointInfo, TensorHeader
from engine.compare.format import format_bytes, format_count
from gui.widgets.bars import SHARE

Index = QModelIndex | QPersistentModelIndex
_TOP = QModelIndex()

# Module names that people know under another name. The raw name stays in the tooltip.
_NAMES = {
    "embed_tokens": QT_TRANSLATE_NOOP("blocks", "Token embedding"),
    "wte": QT_TRANSLATE_NOOP("blocks", "Token embedding"),
    "word_embeddings": QT_TRANSLATE_NOOP("blocks", "Token embedding"),
    "position_embeddings": QT_TRANSLATE_NOOP("blocks", "Position embedding"),
    "wpe": QT_TRANSLATE_NOOP("blocks", "Position embedding"),
    "embeddings": QT_TRANSLATE_NOOP("blocks", "Embeddings"),
    "self_attn": QT_TRANSLATE_NOOP("blocks", "Attention"),
    "attention": QT_TRANSLATE_NOOP("blocks", "Attention"),
    "attn": QT_TRANSLATE_NOOP("blocks", "Attention"),
    "mlp": QT_TRANSLATE_NOOP("blocks", "Feed-forward (MLP)"),
    "lm_head": QT_TRANSLATE_NOOP("blocks", "Output head"),
    "norm": QT_TRANSLATE_NOOP("blocks", "Final norm"),
    "ln_f": QT_TRANSLATE_NOOP("blocks", "Final norm"),
    "pooler": QT_TRANSLATE_NOOP("blocks", "Pooler"),
    "classifier": QT_TRANSLATE_NOOP("blocks", "Classifier"),
}
_LAYER_LISTS = {"layers", "layer", "h", "blocks"}


@dataclass
class Block:
    """A module of the tree.

    Attributes:
        name: its own name ("mlp"), or the tensor's.
        path: its full name.
        title: for display.
        tensors: those directly in it.
        bytes, parameters: of everything below.
    """

    name: str
    path: str
    title: str
    parent: Block | None = None
    children: list[Block] = field(default_factory=list)
    tensors: list[TensorHeader] = field(default_factory=list)
    bytes: int = 0
    parameters: int = 0

    @property
    def row(self) -> int:
        """The position among its siblings."""
        return self.parent.children.index(self) if self.parent else 0

    @property
    def detail(self) -> str:
        """dtype and shape of a single tensor; what it holds otherwise."""
        if len(self.tensors) == 1 and not self.children:
            return f"{self.tensors[0].dtype} {' × '.join(map(str, self.tensors[0].shape))}"
        return ", ".join(sorted({t.dtype for t in _all(self)}))


def build(info: CheckpointInfo) -> Block:
    """The tree of `info`'s modules; a lone top module ("model") is left out."""
    root = Block("", "", "")
    bits = {module: grid.bits for grid in info.grids for module in grid.modules}
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        count = tensor.elements
        if leaf == "weight_packed" and module in bits:
            count = tensor.elements * 32 // bits[module]
        elif leaf in ("weight_scale", "weight_zero_point", "weight_shape"):
            count = 0
        node = root
        node.bytes, node.parameters = node.bytes + tensor.bytes, node.parameters + count
        for part in module.split(".") if module else []:
            node = _child(node, part)
            node.bytes, node.parameters = node.bytes + tensor.bytes, node.parameters + count
        node.tensors.append(tensor)
    while len(root.children) == 1 and not root.tensors and root.children[0].children:
        root = root.children[0]
    for child in list(root.children):
        if len(child.children) > 1 and child.name in ("model", "transformer", "bert", "roberta", "encoder"):
            place = root.children.index(child)
            root.children[place : place + 1] = child.children
            for grandchild in child.children:
                grandchild.parent = root
    root.parent = None
    return root


class BlocksModel(QAbstractItemModel):
    """Columns: block, format, parameters, size, share of the whole as a bar (role SHARE)."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Block("", "", "")

    def show_info(self, info: CheckpointInfo | None) -> None:
        """Show the tensors of `info`."""
        self.beginResetModel()
        self.root = build(info) if info else Block("", "", "")
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
        return QModelIndex() if above is None or above is self.root else self.createIndex(above.row, 0, above)

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
        if role == Qt.ItemDataRole.DisplayRole:
            return (block.title, block.detail, format_count(block.parameters), format_bytes(block.bytes), "")[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return block.path
        if role == SHARE and column == 4:
            return block.bytes / max(1, self.root.bytes)
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


def _child(node: Block, name: str) -> Block:
    for child in node.children:
        if child.name == name:
            return child
    path = f"{node.path}.{name}" if node.path else name
    made = Block(name, path, _title(node, name), node)
    node.children.append(made)
    return made


def _title(parent: Block, name: str) -> str:
    if name.isdigit() and parent.name in _LAYER_LISTS:
        return QCoreApplication.translate("blocks", "Layer %1").replace("%1", name)
    if name in _LAYER_LISTS:
        return QCoreApplication.translate("blocks", "Layers")
    return QCoreApplication.translate("blocks", str(_NAMES[name])) if name in _NAMES else name


def _all(block: Block) -> list[TensorHeader]:
    return [*block.tensors, *(t for child in block.children for t in _all(child))]
