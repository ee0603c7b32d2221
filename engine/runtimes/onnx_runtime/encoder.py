"""The graph of a text encoder (BERT, RoBERTa, DistilBERT), written with ONNX Runtime's fused operators.

Shape letters: B texts, T tokens, H hidden width, V vocabulary, C classes.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from engine.checkpoint.outline import Outline
from engine.runtimes.encoder_layout import Layout
from engine.runtimes.onnx_runtime.graph import add_initializer
from engine.runtimes.onnx_runtime.writer import GraphWriter, GridOf, Weights


class EncoderGraph(GraphWriter):
    """Writes the graph of the model `outline`; `grid_of` answers the grid of a module, None for a float one."""

    def __init__(self, outline: Outline, layout: Layout, grid_of: GridOf, level: int) -> None:
        super().__init__(Weights(outline, grid_of), lambda module: level, "encoder")
        self._layout = layout

    def write(self, task: str) -> ir.Model:
        """The graph with output last_hidden_state [B, T, H], and logits for a task that has them: [B, C], [B, T, C] or
        [B, T, V]."""
        ids, mask = self._input("input_ids"), self._input("attention_mask")
        hidden = self._embeddings(ids)
        padding = self._node("Cast", [mask], to=ir.DataType.INT32)
        for index in range(self._layout.layers(self._config)):
            hidden = self._layer(self._layout.layer.format(index), hidden, padding)
        if task == "text-classification":
            self._output(self._classifier(hidden), "logits", ["batch", self._config.num_labels])
        elif task == "token-classification":
            tags = self._linear(self._layout.tagger, hidden)
            self._output(tags, "logits", ["batch", "tokens", self._config.num_labels])
        elif task == "fill-mask":
            self._output(self._vocabulary(hidden), "logits", ["batch", "tokens", self._config.vocab_size])
        self._output(hidden, "last_hidden_state", ["batch", "tokens", self._layout.width(self._config)])
        return self.model

    # The parts -------------------------------------------------------------------------------------------------

    def _embeddings(self, ids: ir.Value) -> ir.Value:
        part = self._layout.embeddings
        words = self._rows(f"{part}.word_embeddings", ids)
        table = self._weight(f"{part}.position_embeddings.weight")
        if self._layout.offset_positions:
            positions = self._rows(f"{part}.position_embeddings", self._offset_positions(ids))
        else:
            length = self._node("Shape", [ids], start=1, end=2)
            positions = self._node("Slice", [table, self._integers([0]), length])
            positions = self._node("Unsqueeze", [positions, self._integers([0])])
        total = self._node("Add", [words, positions])
        if not self._layout.token_types:
            return self._plain_norm(f"{part}.LayerNorm", total)
        if self._config.type_vocab_size > 1:
            types = self._rows(f"{part}.token_type_embeddings", self._input("token_type_ids"))
        else:
            types = self._weight(f"{part}.token_type_embeddings.weight")
        return self._plain_norm(f"{part}.LayerNorm", self._node("Add", [total, types]))

    def _offset_positions(self, ids: ir.Value) -> ir.Value:
        """RoBERTa's positions: padding_idx + 1 on from the first real token, padding_idx on padding."""
        pad = self._integers(self._config.pad_token_id)
        same = self._node("Equal", [ids, pad])
        real = self._node("Cast", [self._node("Not", [same])], to=ir.DataType.INT64)
        counted = self._node("CumSum", [real, self._integers(1)])
        return self._node("Add", [self._node("Mul", [counted, real]), pad])

    def _layer(self, name: str, hidden: ir.Value, padding: ir.Value) -> ir.Value:
        """A post-norm transformer layer: attention, then feed-forward, each added to its input and normalised."""
        layout = self._layout
        names = [f"{name}.{part}" for part in (layout.query, layout.key, layout.value)]
        query, key, value = (self._product(part, hidden) for part in names)
        biases = np.concatenate([self._weights.array(f"{part}.bias") for part in names])
        bias = add_initializer(self._graph, f"{name}.qkv_bias", biases)
        heads = layout.heads(self._config)
        mixed = self._fused("MultiHeadAttention", [query, key, value, bias, padding], num_heads=heads)
        mixed = self._product(f"{name}.{layout.attention_output}", mixed)
        hidden = self._add_norm(f"{name}.{layout.attention_norm}", mixed, hidden, f"{name}.{layout.attention_output}")
        inner = self._product(f"{name}.{layout.up}", hidden)
        inner = self._biased_activation(inner, self._weight(f"{name}.{layout.up}.bias"))
        outer = self._product(f"{name}.{layout.down}", inner)
        return self._add_norm(f"{name}.{layout.output_norm}", outer, hidden, f"{name}.{layout.down}")

    def _classifier(self, hidden: ir.Value) -> ir.Value:
        first = self._node("Gather", [hidden, self._integers(0)], axis=1)
        layout = self._layout
        pooled = self._node(layout.pooler_activation, [self._linear(layout.pooler, first)])
        return self._linear(layout.classifier, pooled)

    def _vocabulary(self, hidden: ir.Value) -> ir.Value:
        layout = self._layout
        inner = self._biased_activation(
            self._product(layout.vocabulary_dense, hidden), self._weight(f"{layout.vocabulary_dense}.bias")
        )
        return self._linear(layout.vocabulary_output, self._plain_norm(layout.vocabulary_norm, inner))

    # The operators ---------------------------------------------------------------------------------------------

    def _biased_activation(self, value: ir.Value, bias: ir.Value) -> ir.Value:
        kind = self._layout.activation(self._config)
        if kind == "gelu":
            return self._fused("BiasGelu", [value, bias])
        if kind in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
            return self._fused("FastGelu", [value, bias])
        return self._node("Relu", [self._node("Add", [value, bias])])

    def _add_norm(self, norm: str, value: ir.Value, skip: ir.Value, biased: str) -> ir.Value:
        inputs = [value, skip, self._weight(f"{norm}.weight"), self._weight(f"{norm}.bias")]
        inputs.append(self._weight(f"{biased}.bias"))
        return self._fused("SkipLayerNormalization", inputs, epsilon=self._epsilon)

    def _plain_norm(self, norm: str, value: ir.Value) -> ir.Value:
        inputs = [value, self._weight(f"{norm}.weight"), self._weight(f"{norm}.bias")]
        return self._node("LayerNormalization", inputs, axis=-1, epsilon=self._epsilon)

    @property
    def _epsilon(self) -> float:
        return float(getattr(self._config, "layer_norm_eps", 1e-12))
