"""What asking the original takes, foreseen from headers: every build is compared with its answers."""

from __future__ import annotations

from engine.checkpoint.info import CheckpointInfo

_TOKENS = 256  # of the text that is compared on


def asking_bytes(info: CheckpointInfo) -> int:
    """Bytes of memory: the largest matrix in float32, read and turned; of a decoder also logits of the original, of
    what is built, and room to compare them. An encoder-decoder, whose answers take many steps, is loaded whole."""
    if info.task == "text2text-generation":
        return 4 * info.parameters
    packed = {module: grid.bits for grid in info.grids for module in grid.modules}
    largest = 0
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        count = tensor.elements * 32 // packed[module] if leaf == "weight_packed" else tensor.elements
        largest = max(largest, 4 * count)
    logits = 4 * _TOKENS * info.vocab_size if info.task == "text-generation" else 0
    return 2 * largest + 3 * logits
