"""The graph of a text encoder (BERT, RoBERTa, DistilBERT).

Shape letters: B texts, T tokens, H hidden width, V vocabulary, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.runtimes.encoder_layout import Layout
from engine.runtimes.openvino.attention import hidden_scores
from engine.runtimes.openvino.graph import Graph, floats, heads_of, integers, joined
from engine.runtimes.openvino.library import ops, ov
from engine.runtimes.openvino.weights import Weights


class EncoderGraph(Graph):
    """Writes the graph of Transformers encoder `twin`."""

    def __init__(self, twin: Any, weights: Weights, layout: Layout) -> None:
        super().__init__(twin, weights)
        self._layout = layout

    def write(self, task: str) -> Any:
        """The model with output last_hidden_state [B, T, H], and logits for a task that has them: [B, C], [B, T, C] or
        [B, T, V]."""
        ids, mask = self.input("input_ids"), self.input("attention_mask")
        hidden = self._embeddings(ids)
        real = ops.unsqueeze(ops.convert(mask, ov.Type.boolean), integers([1, 2]))
        self._scores = hidden_scores(real)
        for index in range(self._layout.layers(self.config)):
            hidden = self._layer(self._layout.layer.format(index), hidden)
        results = []
        if task == "text-classification":
            results.append(self.output(self._classifier(hidden), "logits"))
        elif task == "token-classification":
            results.append(self.output(self.linear(self._layout.tagger, hidden), "logits"))
        elif task == "fill-mask":
            results.append(self.output(self._vocabulary(hidden), "logits"))
        results.append(self.output(hidden, "last_hidden_state"))
        return ov.Model(results, self.inputs, "encoder")

    # The parts -------------------------------------------------------------------------------------------------

    def _embeddings(self, ids: Any) -> Any:
        part = self._layout.embeddings
        total = ops.add(self.rows(f"{part}.word_embeddings", ids), self._positions(f"{part}.position_embeddings", ids))
        if self._layout.token_types:
            module = f"{part}.token_type_embeddings"
            types = self.input("token_type_ids") if self.config.type_vocab_size > 1 else integers([[0]])
            total = ops.add(total, self.rows(module, types))
        return self.norm(f"{part}.LayerNorm", total)

    def _positions(self, module: str, ids: Any) -> Any:
        if not self._layout.offset_positions:
            length = ops.gather(ops.shape_of(ids), integers(1), integers(0))
            places = ops.range(integers(0), length, integers(1), ov.Type.i64)
            return self.rows(module, ops.unsqueeze(places, integers(0)))
        # RoBERTa's count from padding_idx + 1 on, and stay at padding_idx on padding
        pad = integers(self.config.pad_token_id)
        real = ops.convert(ops.not_equal(ids, pad), ov.Type.i64)
        return self.rows(module, ops.add(ops.multiply(ops.cum_sum(real, integers(1)), real), pad))

    def _layer(self, name: str, hidden: Any) -> Any:
        """A post-norm transformer layer: attention, then feed-forward, each added to its input and normalised."""
        layout = self._layout
        heads = layout.heads(self.config)
        width = layout.width(self.config) // heads
        query, key, value = (
            ops.transpose(heads_of(self.linear(f"{name}.{part}", hidden), heads, width), integers([0, 2, 1, 3]))
            for part in (layout.query, layout.key, layout.value)
        )
        scale = floats(float(np.float32(width**-0.5)))
        mixed = ops.scaled_dot_product_attention(query, key, value, self._scores, scale, causal=False)
        mixed = self.linear(f"{name}.{layout.attention_output}", joined(mixed))
        hidden = self.norm(f"{name}.{layout.attention_norm}", ops.add(mixed, hidden))
        inner = self.activation(layout.activation(self.config), self.linear(f"{name}.{layout.up}", hidden))
        outer = self.linear(f"{name}.{layout.down}", inner)
        return self.norm(f"{name}.{layout.output_norm}", ops.add(outer, hidden))

    def _classifier(self, hidden: Any) -> Any:
        layout = self._layout
        first = self.linear(layout.pooler, ops.gather(hidden, integers(0), integers(1)))
        pooled = ops.relu(first) if layout.pooler_activation == "Relu" else ops.tanh(first)
        return self.linear(layout.classifier, pooled)

    def _vocabulary(self, hidden: Any) -> Any:
        layout = self._layout
        inner = self.activation(layout.activation(self.config), self.linear(layout.vocabulary_dense, hidden))
        return self.linear(layout.vocabulary_output, self.norm(layout.vocabulary_norm, inner))
