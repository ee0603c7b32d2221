"""Which tensor of a checkpoint goes where in a GGUF file, and as what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import gguf
import torch
from torch import Tensor

from engine.checkpoint.load import dense_names
from engine.checkpoint.precision import precision_of
from engine.checkpoint.reader import Reader
from engine.gguf.architectures import Architecture
from engine.gguf.blocks import scales_fit
from engine.gguf.kinds import Kind, kind_for, misfit
from engine.grid import grid
from engine.grid.grid import Grid
from engine.protocol.errors import UserError

_BASES = ("", "model.", "transformer.")
# Buffers of old checkpoints that Transformers computes itself.
_COMPUTED = ("rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias")


@dataclass(frozen=True)
class Entry:
    """One tensor of the file.

    Attributes:
        name: in the file.
        source: in the checkpoint, as its dense twin has it.
        shape: rows first, as the file holds it.
        kind: the block type of its integers, or None for floats.
        dtype: of floats.
        heads: rows of this many heads change places, 0 for none.
        offset: added to the numbers.
        transposed: the checkpoint stores it inputs first.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    kind: Kind | None
    dtype: torch.dtype
    heads: int = 0
    offset: float = 0.0
    transposed: bool = False

    @property
    def type(self) -> gguf.GGMLQuantizationType:
        """ggml's type."""
        return gguf.GGMLQuantizationType[self.kind or _TYPES[self.dtype]]

    @property
    def bytes(self) -> int:
        """Bytes in the file."""
        block, size = gguf.GGML_QUANT_SIZES[self.type]
        count = 1
        for extent in self.shape:
            count *= extent
        return count // block * size

    def grid(self, reader: Reader) -> Grid:
        """The integers, rows as in the file."""
        found = grid.read(reader, self.source.removesuffix(".weight"))
        zero, minimum = (None if part is None else self._rows(part) for part in (found.zero, found.minimum))
        return Grid(self._rows(found.values), self._rows(found.scale), zero, found.bits, found.group_size, minimum)

    def floats(self, reader: Reader, dtype: torch.dtype | None = None) -> Tensor:
        """The dense twin's numbers, as in the file, in `dtype` (default: the entry's)."""
        tensor = grid.dense(reader, self.source, torch.float32 if self.offset else dtype or self.dtype)
        if self.transposed:
            tensor = tensor.T.contiguous()
        if self.offset:
            tensor = tensor + self.offset
        return self._rows(tensor).to(dtype or self.dtype)

    def _rows(self, tensor: Tensor) -> Tensor:
        """Rows 0, 1, 2 … of both halves of a head, in turn: llama.cpp rotates neighbours, Transformers halves."""
        if not self.heads:
            return tensor
        order = torch.arange(len(tensor)).reshape(self.heads, 2, -1).swapaxes(1, 2).reshape(-1)
        return tensor[order]


_TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def plan(reader: Reader, config: dict[str, Any], architecture: Architecture) -> tuple[list[Entry], tuple[str, ...]]:
    """Every tensor to write, in stored order, and what could not stay integer and why, in sentences.

    Raises UserError for a tensor that llama.cpp has no place for.
    """
    layers = int(config.get("num_hidden_layers") or config["n_layer"])
    names = gguf.get_tensor_name_map(_key(architecture.name), layers)
    schemes = {module: scheme for scheme in reader.grids for module in scheme.modules}
    precision = precision_of(reader.config)
    turned = {"attn_q": config.get("num_attention_heads"), "attn_k": config.get("num_key_value_heads")}
    entries: list[Entry] = []
    dense: Counter[str] = Counter()
    for source in dense_names(reader):
        if source.endswith(_COMPUTED) or (source.startswith("lm_head.") and config.get("tie_word_embeddings")):
            continue
        name = _name(names, source)
        module = source.removesuffix(".weight")
        shape = _shape(reader, source)
        transposed = source.endswith(".weight") and module.rpartition(".")[2] in architecture.transposed
        part = name.split(".")[-2]
        kind: Kind | None = None
        if module in schemes and source.endswith(".weight"):
            kind, why = _kind(reader, module, schemes[module], shape)
            if why:
                dense[why] += 1
        entries.append(
            Entry(
                name, source, shape[::-1] if transposed else shape, kind,
                _dtype(reader, source, len(shape), precision.of(source)),
                heads=int(turned.get(part) or 0) if architecture.rotates_pairs else 0,
                offset=architecture.norm_offset if part.endswith("norm") else 0.0,
                transposed=transposed,
            )
        )  # fmt: skip
    return entries, tuple(_sentence(why, count) for why, count in dense.items())


def _kind(reader: Reader, module: str, scheme: Any, shape: tuple[int, ...]) -> tuple[Kind | None, str]:
    """The block type of a module on a grid, or None and why there is none."""
    kind = kind_for(scheme, shape[-1])
    if kind is None:
        return None, misfit(scheme, shape[-1])
    if not scales_fit(grid.read_scale(reader, module)):
        return None, "some scales are too small or too large for half precision"
    return kind, ""


def _sentence(why: str, count: int) -> str:
    layers = "One layer's integers are" if count == 1 else f"The integers of {count} layers are"
    return f"{layers} written as plain numbers in the GGUF file, because {why}."


def _dtype(reader: Reader, source: str, dimensions: int, packed: str) -> torch.dtype:
    """llama.cpp adds and multiplies vectors in float32 only."""
    if dimensions == 1:
        return torch.float32
    stored = getattr(torch, packed) if source not in reader else _STORED.get(reader.header(source).dtype)
    return stored or torch.float32


_STORED = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}


def _shape(reader: Reader, source: str) -> tuple[int, ...]:
    if source in reader:
        return reader.header(source).shape
    return tuple(reader.tensor(f"{source.removesuffix('.weight')}.weight_shape").tolist())


def _name(names: Any, source: str) -> str:
    for base in _BASES:
        found = names.get_name(base + source, (".weight", ".bias"))
        if found is not None:
            return str(found)
    raise UserError(
        f"llama.cpp has no place for the weight “{source}”.",
        "Choose another format or runtime for this model.",
        where=source,
        code="unsupported_architecture",
    )


def _key(name: str) -> Any:
    return next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == name)


def bytes_by_type(entries: list[Entry]) -> dict[str, int]:
    """Bytes of each ggml type."""
    table: Counter[str] = Counter()
    for entry in entries:
        table[entry.type.name] += entry.bytes
    return dict(table)
