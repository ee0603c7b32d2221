"""Which tensors have a row for each token. No torch."""

from __future__ import annotations

import re

from engine.checkpoint.info import CheckpointInfo, TensorHeader
from engine.passes.targets import block_of

_EMBEDDING = re.compile(r"(^|\.)(embed_tokens|wte|word_embeddings|tok_embeddings|embed_in|shared)\.weight$")
_HEAD = re.compile(
    r"(^|\.)(((lm_head|predictions)(\.decoder)?|embed_out|vocab_projector)\.(weight|bias)|final_logits_bias)$"
)
_OTHER = re.compile(r"position|wpe|norm|score|classifier", re.IGNORECASE)


def axes(info: CheckpointInfo) -> dict[str, int]:
    """Tensor -> the axis along which its tokens lie."""
    found = {}
    for tensor in info.tensors:
        if (_EMBEDDING.search(tensor.name) or _HEAD.search(tensor.name)) and info.vocab_size in tensor.shape:
            found[tensor.name] = tensor.shape.index(info.vocab_size)
    return found


def embedded(info: CheckpointInfo) -> bool:
    """Whether the table that texts are read by is found."""
    return any(_EMBEDDING.search(name) for name in axes(info))


def unplaced(info: CheckpointInfo) -> TensorHeader | None:
    """A tensor outside of the layers that seems to have a row for each token, and is none of the known ones."""
    known = axes(info)
    return next(
        (
            tensor
            for tensor in info.tensors
            if info.vocab_size in tensor.shape
            and tensor.name not in known
            and not block_of(tensor.name)
            and not _OTHER.search(tensor.name)
        ),
        None,
    )


def with_tokens(info: CheckpointInfo, count: int) -> list[TensorHeader]:
    """The headers with `count` tokens in place of all."""
    along = axes(info)
    return [
        tensor.model_copy(
            update={
                "shape": tuple(
                    count if axis == along[tensor.name] else extent for axis, extent in enumerate(tensor.shape)
                )
            }
        )
        if tensor.name in along
        else tensor
        for tensor in info.tensors
    ]
