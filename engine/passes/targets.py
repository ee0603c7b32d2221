"""Which weights a pass means: linear layers inside blocks, the embedding, the head; chosen by patterns. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from engine.calibration.options import ANSWERS_IN_MEMORY, CalibrationOptions, activation_bytes
from engine.checkpoint.info import CheckpointInfo, TensorHeader

# Families whose "linear" layers are Conv1D: stored [in, out] instead of [out, in].
_CONV1D = frozenset({"gpt2", "openai-gpt", "imagegpt", "decision_transformer"})
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_IN_BLOCK = re.compile(r"^(?P<stack>.+?)\.(?P<index>\d+)\.(?P<rest>.+)$")
_NO_LINEAR = re.compile(r"embed|relative_attention_bias|wte|wpe|norm|conv1d|router")


def block_of(name: str) -> tuple[str, int, str] | None:
    """("model.layers", 3, "mlp.up_proj.weight") of a tensor inside a numbered block, None of others."""
    found = _IN_BLOCK.match(name)
    return (found["stack"], int(found["index"]), found["rest"]) if found else None


def linears(info: CheckpointInfo) -> list[TensorHeader]:
    """The headers of the dense linear weights inside blocks, two-dimensional each."""
    return [
        tensor
        for tensor in info.tensors
        if len(tensor.shape) == 2
        and tensor.name.endswith(".weight")
        and tensor.dtype in ("F32", "F16", "BF16", "F64")
        and (part := block_of(tensor.name))
        and not _NO_LINEAR.search(part[2].lower())
    ]


def embedding_and_head(info: CheckpointInfo) -> list[TensorHeader]:
    """The headers of the token embedding and, where it has its own weights, the output head: [vocabulary, hidden]."""
    return [
        tensor
        for tensor in info.tensors
        if len(tensor.shape) == 2
        and tensor.name.endswith(".weight")
        and tensor.shape[0] == info.vocab_size
        and not block_of(tensor.name)
    ]


def module_of(tensor: TensorHeader) -> str:
    """The module that owns `tensor`: its name without the last part."""
    return tensor.name.rpartition(".")[0]


def chosen(module: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether `module` matches a pattern of `include` (empty: all) and none of `exclude`.

    Patterns know * and ?; one without them matches anywhere in the name ("down_proj").
    """
    return (not include or matches(module, include)) and not matches(module, exclude)


def matches(module: str, patterns: Iterable[str]) -> bool:
    """Whether one of `patterns` fits `module`."""
    return any(
        fnmatchcase(module, pattern) if re.search(r"[*?\[]", pattern) else pattern in module for pattern in patterns
    )


def stores_inputs_first(info: CheckpointInfo) -> bool:
    """Linear weights are Conv1D, stored [in, out]."""
    return info.base_type in _CONV1D


def has_experts(info: CheckpointInfo) -> bool:
    """The model is a mixture of experts."""
    sources = (info.config, info.config.get("text_config") or {})
    return any((source.get(key) or 0) > 1 for source in sources for key in _EXPERTS)


def largest_bytes(info: CheckpointInfo) -> int:
    """Bytes of the largest stored tensor."""
    return max((tensor.bytes for tensor in info.tensors), default=0)


def largest_block_bytes(info: CheckpointInfo) -> int:
    """Bytes of the largest numbered block."""
    blocks: dict[tuple[str, int], int] = {}
    for tensor in info.tensors:
        if part := block_of(tensor.name):
            blocks[part[:2]] = blocks.get(part[:2], 0) + tensor.bytes
    return max(blocks.values(), default=0)


def walk_bytes(info: CheckpointInfo, options: CalibrationOptions) -> int:
    """Bytes of a walk block by block in float32: embedding, one block, what blocks answer, and activations."""
    held = 4 * sum(tensor.elements for tensor in info.tensors if not block_of(tensor.name)) + walked_block_bytes(info)
    answers = min(4 * options.samples * options.tokens * info.hidden_size, ANSWERS_IN_MEMORY)
    return held + answers + activation_bytes(info, options)


def walked_block_bytes(info: CheckpointInfo) -> int:
    """Bytes of the largest block in float32."""
    return largest_block_bytes(info) * (2 if any(t.dtype in ("F16", "BF16") for t in info.tensors) else 1)


def moment_bytes(widths: Iterable[int]) -> int:
    """Bytes of the second moments of inputs of these widths, and of the widest one's factor while it is computed."""
    widths = set(widths)
    return sum(4 * 4 * width**2 for width in widths) + 5 * 8 * max(widths, default=0) ** 2
