"""Which of ggml's blocks holds which grid, and how large files become, from headers alone. Free of torch."""

from __future__ import annotations

from typing import Literal

from engine.checkpoint.info import BESIDE_INTEGERS, DTYPE_BITS, GGML_BITS, CheckpointInfo, GridScheme

Kind = Literal["Q8_0", "Q4_0", "Q4_1"]
BLOCK = 32
_TOKENIZER_BYTES = 40  # a token with its score and kind, and its merge, roughly


def kind_for(scheme: GridScheme, columns: int) -> Kind | None:
    """The block type that holds the integers of `scheme` in rows of `columns` weights as they are; None for none.

    Q8_0 holds asymmetric grids too, of up to 7 bits: `value − zero` is then an int8.
    """
    group = scheme.group_size or columns
    if group % BLOCK or columns % group:
        return None
    if scheme.bits <= 4:
        return "Q4_0" if scheme.symmetric else "Q4_1"
    return "Q8_0" if scheme.symmetric or (scheme.bits < 8 and not scheme.float_offset) else None


def misfit(scheme: GridScheme, columns: int) -> str:
    """Why `kind_for` has no block for it, to stand after “because”."""
    group = scheme.group_size or columns
    if group % BLOCK:
        return f"groups of {group} weights are not cut into blocks of {BLOCK}; groups of {BLOCK} are"
    return f"{scheme.bits}-bit integers with offsets have no place there; symmetric ones have"


def misfits(info: CheckpointInfo) -> dict[str, int]:
    """Why some grids of this layout become plain numbers, and in how many layers each."""
    columns = {}
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        if leaf in ("weight", "weight_packed"):
            columns[module] = (tensor.shape[-1], leaf)
    found: dict[str, int] = {}
    for scheme in info.grids:
        for module in scheme.modules:
            width, leaf = columns[module]
            width = width * 32 // scheme.bits if leaf == "weight_packed" else width
            if kind_for(scheme, width) is None:
                why = misfit(scheme, width)
                found[why] = found.get(why, 0) + 1
    return found


def weight_bytes(info: CheckpointInfo) -> int:
    """Bytes of the weights of this layout in a GGUF file."""
    grids = {module: grid for grid in info.grids for module in grid.modules}
    dtypes = {tensor.name: tensor.dtype for tensor in info.tensors}
    total = 0.0
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        if (module == "lm_head" and info.tied_embeddings) or (leaf in BESIDE_INTEGERS and module in grids):
            continue
        scheme = grids.get(module)
        count = info.parameters_of(tensor)
        kind = None
        if scheme is not None and leaf in ("weight", "weight_packed"):
            kind = kind_for(scheme, count // tensor.shape[0])
        if kind is not None:
            bits: float = GGML_BITS[kind]
        elif len(tensor.shape) == 1:
            bits = 32
        else:
            bits = DTYPE_BITS[dtypes.get(f"{module}.weight_scale", "F32") if leaf == "weight_packed" else tensor.dtype]
        total += count * bits / 8
    return int(total)


def file_bytes(info: CheckpointInfo) -> int:
    """About how large the file becomes."""
    return weight_bytes(info) + _TOKENIZER_BYTES * info.vocab_size
