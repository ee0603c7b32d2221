"""A checkpoint's tensors by block: embeddings, each layer, the rest by its outermost module. From headers alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.checkpoint.info import CheckpointInfo, TensorHeader

# A layer is the first number in a dotted name: model.layers.3.mlp.…, h.0.attn.…, encoder.layer.11.…
_LAYER = re.compile(r"^(?:.*?\.)?\d+(?=\.)")


@dataclass(frozen=True)
class Block:
    """Tensors that belong together.

    Attributes:
        name: the common prefix of their names ("model.layers.3", "model.embed_tokens").
        parameters: as CheckpointInfo.parameters counts them.
        bytes: as stored.
    """

    name: str
    tensors: tuple[TensorHeader, ...]
    parameters: int
    bytes: int


def blocks_of(info: CheckpointInfo) -> list[Block]:
    """The blocks of a checkpoint: layers in order of number, everything else where it is first stored."""
    groups: dict[str, list[TensorHeader]] = {}
    for tensor in info.tensors:
        groups.setdefault(_block(tensor.name), []).append(tensor)
    return [
        Block(name, tuple(tensors), info.with_tensors(tensors).parameters, sum(t.bytes for t in tensors))
        for name, tensors in sorted(groups.items(), key=lambda group: _order(group[0]))
    ]


def _block(name: str) -> str:
    layer = _LAYER.match(name)
    if layer:
        return layer.group()
    parts = name.split(".")
    # "model.embed_tokens.weight" belongs to "model.embed_tokens", "lm_head.weight" to "lm_head"
    return ".".join(parts[: min(2, max(1, len(parts) - 1))])


def _order(name: str) -> tuple[int, str, int]:
    """Embeddings, then layers by number, then the rest."""
    head, _, number = name.rpartition(".")
    if number.isdigit():
        return 1, head, int(number)
    return (0 if "emb" in name or "wte" in name or "wpe" in name else 2), name, 0
