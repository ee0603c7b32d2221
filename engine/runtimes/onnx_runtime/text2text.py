"""The two graphs of an encoder-decoder (T5, BART, Marian), written with ONNX Runtime's fused operators.

The encoder's graph reads the prompt once and gives what the decoder attends to: keys and values of every decoder layer.
The decoder's graph appends tokens to the answer, whose own keys and values go in and come out longer.

Shape letters: B texts, S prompt tokens, P answer tokens before, T new ones, N heads, D head width, H hidden width, V
vocabulary.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import onnx_ir as ir

from engine.runtimes.onnx_runtime.writer import DOMAIN, GraphWriter, LevelOf, Weights
from engine.runtimes.text2text_layout import layout_of

LOWEST = float(np.finfo(np.float32).min)  # what hides a place from attention
_FLOAT = ir.DataType.FLOAT


class Text2TextGraph(GraphWriter):
    """What the families share: inputs, outputs, attention with and without a cache."""

    def __init__(self, weights: Weights, level: LevelOf, name: str) -> None:
        super().__init__(weights, level, name, halve=True)
        self._layout = layout_of(weights.twin)
        self._encoder, self._decoder = self._layout.encoder, self._layout.decoder
        self._projections = (self._layout.query, self._layout.key, self._layout.value)
        self._prompt: ir.Value  # the decoder's: int32 [B, S], 1 on the prompt's real tokens
        self._cross: list[tuple[ir.Value, ir.Value]] = []
        self._past: list[tuple[ir.Value, ir.Value]] = []
        self._present: list[tuple[ir.Value, ir.Value]] = []

    def write_encoder(self) -> ir.Model:
        """Inputs input_ids and attention_mask [B, S]; outputs cross.{i}.key and cross.{i}.value [B, N, S, D]."""
        ids, mask = self._input("input_ids"), self._input("attention_mask")
        hidden = self._encode(ids, self._node("Cast", [mask], to=ir.DataType.INT32))
        for index in range(self._decoder.layers):
            for kind, module in zip(("key", "value"), self._layout.cross_products(index), strict=True):
                heads = self._by_heads(self._projected(module, hidden))
                self._output(heads, f"cross.{index}.{kind}", self._shape("source"))
        return self.model

    def write_decoder(self) -> ir.Model:
        """Inputs input_ids [B, T], attention_mask [B, S], cross.{i}.key/value as above, past.{i}.key/value
        [B, N, P, D]; outputs logits [B, T, V], present.{i}.key/value [B, N, P + T, D]."""
        ids, mask = self._input("input_ids"), self._input("attention_mask", ("batch", "source"))
        self._prompt = self._node("Cast", [mask], to=ir.DataType.INT32)
        self._cross = self._cached("cross", "source")
        self._past = self._cached("past", "past")
        before = self._node("Shape", [self._past[0][0]], start=2, end=3)
        length = self._node("Shape", [ids], start=1, end=2)
        after = self._node("Add", [before, length])
        logits = self._decode(ids, before, after)
        self._output(logits, "logits", ["batch", "tokens", self._vocabulary])
        for index, pair in enumerate(self._present):
            for kind, value in zip(("key", "value"), pair, strict=True):
                self._output(value, f"present.{index}.{kind}", self._shape("total"))
        return self.model

    # What a family adds ----------------------------------------------------------------------------------------

    @property
    def _vocabulary(self) -> int:
        return int(self._twin.get_output_embeddings().weight.shape[0])

    @abstractmethod
    def _encode(self, ids: ir.Value, padding: ir.Value) -> ir.Value:
        """The encoder's last hidden states [B, S, H]; `padding` int32 [B, S] is 1 on real tokens."""

    @abstractmethod
    def _decode(self, ids: ir.Value, before: ir.Value, after: ir.Value) -> ir.Value:
        """The logits [B, T, V]; `before` and `after` [1] are the answer's lengths P and P + T."""

    # Attention -------------------------------------------------------------------------------------------------

    def _cached(self, name: str, length: str) -> list[tuple[ir.Value, ir.Value]]:
        shape = self._shape(length)
        return [
            (self._input(f"{name}.{i}.key", shape, _FLOAT), self._input(f"{name}.{i}.value", shape, _FLOAT))
            for i in range(self._decoder.layers)
        ]

    def _shape(self, length: str) -> tuple[str | int, ...]:
        """Of keys or values over `length` places."""
        return ("batch", self._decoder.heads, length, self._decoder.width)

    def _by_heads(self, value: ir.Value) -> ir.Value:
        """[B, S, N·D] as [B, N, S, D]."""
        split = self._node("Reshape", [value, self._integers([0, 0, self._decoder.heads, self._decoder.width])])
        return self._node("Transpose", [split], perm=[0, 2, 1, 3])

    def _attend_self(
        self, index: int, query: ir.Value, key: ir.Value, value: ir.Value, bias: ir.Value | None, **attributes: Any
    ) -> ir.Value:
        """Attention of new answer tokens [B, T, N·D] to all of the answer; keeps the longer cache."""
        inputs = [query, key, value, None, None, bias, *self._past[index]]
        mixed, *present = self._nodes(
            "MultiHeadAttention", inputs, 3, DOMAIN, num_heads=self._decoder.heads, **attributes
        )
        self._present.append((present[0], present[1]))
        return mixed

    def _attend_cross(self, index: int, query: ir.Value, **attributes: Any) -> ir.Value:
        """Attention of answer tokens [B, T, N·D] to the prompt's real tokens."""
        inputs = [query, *self._cross[index], None, self._prompt]
        return self._fused(
            "MultiHeadAttention", inputs, num_heads=self._decoder.heads, mask_filter_value=LOWEST, **attributes
        )

    # Linear layers ---------------------------------------------------------------------------------------------

    def _projected(self, module: str, value: ir.Value) -> ir.Value:
        """`value` through a linear layer, with its bias where it has any."""
        if self._twin.get_submodule(module).bias is None:
            return self._product(module, value)
        return self._linear(module, value)

    def _inputs(self, attention: str, hidden: ir.Value) -> list[ir.Value]:
        """Query, key and value of `attention` over `hidden` itself."""
        return [self._projected(f"{attention}.{part}", hidden) for part in self._projections]

    def _head(self, hidden: ir.Value) -> ir.Value:
        """The logits of `hidden`; a float head tied to the embedding reads the embedding's own rows."""
        module, embedding = self._layout.head, self._decoder.embedding
        if self._weights.blocks(module) is None and self._weights.tied(module, embedding):
            return self._fused("FusedMatMul", [hidden, self._weight(f"{embedding}.weight")], transB=1)
        return self._product(module, hidden)
