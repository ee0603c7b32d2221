"""What is known of a checkpoint from its headers alone. Passes predict their outcome by transforming it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Task = Literal["text-generation", "text2text-generation", "feature-extraction", "text-classification", "fill-mask"]

# safetensors dtype -> bits per element
DTYPE_BITS: dict[str, int] = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U8": 8, "BOOL": 8,
}  # fmt: skip


class TensorHeader(BaseModel):
    """Name, safetensors dtype, shape and shard of one stored tensor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str = ""

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.elements * DTYPE_BITS[self.dtype] // 8


class GridScheme(BaseModel):
    """One integer grid of a quantised checkpoint.

    Attributes:
        bits: 4 or 8.
        group_size: input columns that share a scale; None is one scale per output row.
        symmetric: no zero points.
        modules: full names of the linear modules on this grid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int
    group_size: int | None
    symmetric: bool
    modules: tuple[str, ...]


class CheckpointInfo(BaseModel):
    """A checkpoint's facts and tensor headers.

    Attributes:
        path: its folder (or GGUF file).
        architecture: the class named in config.json ("LlamaForCausalLM").
        model_type: config.json's model_type ("llama").
        task: what the model is for.
        config: config.json as stored.
        tensors: the headers in stored order.
        grids: the integer grids that its linear weights lie on (empty: floating point).
        tied_embeddings: lm_head shares the embedding's weights.
        licence: from a model card or licence file, if it says.
        warnings: sentences worth showing (remote code, odd dtypes, missing tokenizer).
        chat: the tokenizer has a chat template.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    architecture: str
    model_type: str
    task: Task
    config: dict[str, Any]
    tensors: tuple[TensorHeader, ...]
    grids: tuple[GridScheme, ...] = ()
    tied_embeddings: bool = False
    licence: str | None = None
    warnings: tuple[str, ...] = ()
    chat: bool = False

    @property
    def layers(self) -> int:
        return int(self._config("num_hidden_layers", "n_layer", "num_layers", "n_layers") or 0)

    @property
    def hidden_size(self) -> int:
        return int(self._config("hidden_size", "n_embd", "d_model", "dim") or 0)

    @property
    def vocab_size(self) -> int:
        return int(self._config("vocab_size") or 0)

    @property
    def context_length(self) -> int | None:
        value = self._config("max_position_embeddings", "n_positions", "seq_length")
        return None if value is None else int(value)

    @property
    def bytes(self) -> int:
        """Bytes of all stored tensors."""
        return sum(tensor.bytes for tensor in self.tensors)

    @property
    def bytes_by_dtype(self) -> dict[str, int]:
        table: dict[str, int] = {}
        for tensor in self.tensors:
            table[tensor.dtype] = table.get(tensor.dtype, 0) + tensor.bytes
        return table

    @property
    def parameters(self) -> int:
        """Model parameters: stored elements, packed integers counted unpacked, scales and zero points not counted."""
        bits = {module: grid.bits for grid in self.grids for module in grid.modules}
        total = 0
        for tensor in self.tensors:
            module, _, leaf = tensor.name.rpartition(".")
            if leaf == "weight_packed" and module in bits:
                total += tensor.elements * 32 // bits[module]
            elif leaf not in ("weight_scale", "weight_zero_point", "weight_shape"):
                total += tensor.elements
        return total

    def with_tensors(self, tensors: Iterable[TensorHeader], **changes: Any) -> CheckpointInfo:
        """A copy with other tensors (and other fields)."""
        return self.model_copy(update={"tensors": tuple(tensors), **changes})

    def _config(self, *keys: str) -> Any:
        for source in (self.config, self.config.get("text_config") or {}):
            for key in keys:
                if source.get(key) is not None:
                    return source[key]
        return None
