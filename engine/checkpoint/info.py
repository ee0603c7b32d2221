"""What is known of a checkpoint from its headers alone. Passes predict their outcome by transforming it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from engine.checkpoint import foreign_config

Task = Literal[
    "text-generation", "text2text-generation", "feature-extraction", "text-classification", "token-classification",
    "fill-mask",
]  # fmt: skip
EVERY_TASK: Final[frozenset[Task]] = frozenset(get_args(Task))

# safetensors dtype -> bits per element
DTYPE_BITS: dict[str, int] = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "C64": 64,
}  # fmt: skip

# ggml block type -> bits per element, scales included (ggml-common.h)
GGML_BITS: dict[str, float] = {
    "Q4_0": 4.5, "Q4_1": 5, "Q5_0": 5.5, "Q5_1": 6, "Q8_0": 8.5, "Q8_1": 10, "Q1_0": 1.125,
    "Q2_K": 2.625, "Q3_K": 3.4375, "Q4_K": 4.5, "Q5_K": 5.5, "Q6_K": 6.5625, "Q8_K": 9.125,
    "IQ1_S": 1.5625, "IQ1_M": 1.75, "IQ2_XXS": 2.0625, "IQ2_XS": 2.3125, "IQ2_S": 2.5625, "IQ3_XXS": 3.0625,
    "IQ3_S": 3.4375, "IQ4_NL": 4.5, "IQ4_XS": 4.25, "TQ1_0": 1.6875, "TQ2_0": 2.0625, "MXFP4": 4.25, "NVFP4": 4.5,
}  # fmt: skip


class TensorHeader(BaseModel):
    """Name, dtype (of safetensors, or a ggml block type), shape and shard of one stored tensor."""

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
        bits = DTYPE_BITS.get(self.dtype) or GGML_BITS[self.dtype]
        return int(self.elements * bits / 8)


# What lies beside the packed integers of a linear layer, by the last part of its name.
BESIDE_INTEGERS = ("weight_scale", "weight_zero_point", "weight_minimum", "weight_shape")


class GridScheme(BaseModel):
    """One integer grid of a quantised checkpoint.

    Attributes:
        bits: 4 or 8.
        group_size: input columns that share a scale; None is one scale per output row.
        symmetric: neither zero points nor float offsets.
        float_offset: offsets are numbers of their own, not integers of the grid.
        modules: full names of the linear modules on this grid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int
    group_size: int | None
    symmetric: bool
    float_offset: bool = False
    modules: tuple[str, ...]


class CheckpointInfo(BaseModel):
    """A checkpoint's facts and tensor headers.

    Attributes:
        path: its folder (or GGUF file).
        architecture: the class named in config.json ("LlamaForCausalLM").
        model_type: config.json's model_type ("llama"); "hasten" where layers have a form that Transformers lacks.
        task: what the model is for.
        config: config.json as stored, or what the base of a "hasten" model is (engine.checkpoint.structure).
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
    def base_type(self) -> str:
        """The model_type of the architecture, whatever form its layers have."""
        return str(self.config.get("model_type") or self.model_type)

    @property
    def layers(self) -> int:
        return int(self._config("num_hidden_layers", "n_layer", "num_layers", "n_layers") or 0)

    @property
    def stacks(self) -> str:
        """How many layers, in words: "30", or of an encoder-decoder "8 + 8"."""
        decoder = self._config("num_decoder_layers", "decoder_layers") if self.task == "text2text-generation" else None
        return str(self.layers) if decoder is None else f"{self.layers} + {decoder}"

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
        return sum(self.parameters_of(tensor) for tensor in self.tensors)

    def parameters_of(self, tensor: TensorHeader) -> int:
        """How many of the model's parameters `tensor` holds: packed ones unpacked, scales and the like none."""
        module, _, leaf = tensor.name.rpartition(".")
        if leaf == "weight_packed" and module in self._packed_bits:
            return tensor.elements * 32 // self._packed_bits[module]
        if leaf in BESIDE_INTEGERS:
            return 0
        return foreign_config.elements(self.config, leaf, tensor.name, tensor.dtype, tensor.elements)

    @cached_property
    def _packed_bits(self) -> dict[str, int]:
        return {module: grid.bits for grid in self.grids for module in grid.modules}

    def with_tensors(self, tensors: Iterable[TensorHeader], **changes: Any) -> CheckpointInfo:
        """A copy with other tensors (and other fields)."""
        return self.model_copy(update={"tensors": tuple(tensors), **changes})

    def _config(self, *keys: str) -> Any:
        for source in (self.config, self.config.get("text_config") or {}):
            for key in keys:
                if source.get(key) is not None:
                    return source[key]
        return None
