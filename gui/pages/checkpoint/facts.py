"""A checkpoint's facts in words."""

from __future__ import annotations

import psutil
from PySide6.QtCore import QCoreApplication

from engine.checkpoint.info import CheckpointInfo
from engine.compare.format import format_bytes, format_count
from gui.translate import engine_text


def facts(info: CheckpointInfo) -> list[tuple[str, str, str]]:
    """(term, value, tooltip) rows for `info` on this machine."""
    rows = [
        (_tr("Architecture"), info.architecture, _tr("The class that Transformers loads it with.")),
        (_tr("Task"), engine_text(info.task), _tr("What the model is for.")),
        (_tr("Parameters"), format_count(info.parameters), _tr("Numbers that training found.")),
        (_tr("Size"), format_bytes(info.bytes), _tr("Bytes of all weights on disk.")),
        (_tr("Precision"), _precision(info), _tr("How the weights are stored, by share of the bytes.")),
    ]
    if info.layers:
        shape = _tr("%1 layers, width %2").replace("%1", info.stacks).replace("%2", str(info.hidden_size))
        rows.append((_tr("Shape"), shape, _tr("Decoder or encoder layers, and the length of a token's vector.")))
    if info.vocab_size:
        vocabulary = _tr("%1 tokens").replace("%1", f"{info.vocab_size:,}")
        if info.tied_embeddings:
            vocabulary = _tr("%1, shared with the output head").replace("%1", vocabulary)
        rows.append((_tr("Vocabulary"), vocabulary, _tr("Pieces of text that the model knows.")))
    if info.context_length:
        context = _tr("%1 tokens").replace("%1", f"{info.context_length:,}")
        rows.append((_tr("Context"), context, _tr("The longest text that it can attend to.")))
    rows.append((_tr("Licence"), info.licence or _tr("not stated"), _tr("From the model card or licence file.")))
    rows.append((_tr("Fits in memory here"), memory(info), _tr("Weights as stored, against the free memory now.")))
    return rows


def memory(info: CheckpointInfo) -> str:
    """Whether the weights fit into the memory that is free now, with both figures."""
    free = psutil.virtual_memory().available
    text = _tr("yes, %1 of %2 free") if info.bytes < free else _tr("no, %1 needed and %2 free")
    return text.replace("%1", format_bytes(info.bytes)).replace("%2", format_bytes(free))


def _precision(info: CheckpointInfo) -> str:
    if info.grids:
        kinds = []
        for grid in info.grids:
            per = _tr("per row") if grid.group_size is None else _tr("groups of %1").replace("%1", str(grid.group_size))
            kinds.append(f"int{grid.bits}, {per}")
        return "; ".join(dict.fromkeys(kinds))
    shares = sorted(info.bytes_by_dtype.items(), key=lambda item: -item[1])
    total = max(1, info.bytes)
    if len(shares) == 1:
        return shares[0][0]
    return ", ".join(f"{dtype} {size / total:.0%}" for dtype, size in shares)


def _tr(text: str) -> str:
    return QCoreApplication.translate("facts", text)
