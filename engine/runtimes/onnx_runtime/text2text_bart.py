"""The graphs of BART and Marian: norms after each part, positions added to the embeddings, biases everywhere."""

from __future__ import annotations

import onnx_ir as ir

from engine.runtimes.onnx_runtime.graph import add_initializer
from engine.runtimes.onnx_runtime.text2text import LOWEST, Text2TextGraph
from engine.runtimes.text2text_layout import Stack

_EPSILON = 1e-5  # of the norms: torch's own, which these models do not change


class BartGraph(Text2TextGraph):
    """A BART; Marian is one without norms on its embeddings, whose positions are sines."""

    def _encode(self, ids: ir.Value, padding: ir.Value) -> ir.Value:
        of = self._encoder
        length = self._node("Shape", [ids], start=1, end=2)
        hidden = self._embeddings(of, ids, self._integers([0]), length)
        for index in range(of.layers):
            attention = of.inside(index, of.self_attention)
            mixed = self._fused(
                "MultiHeadAttention", [*self._inputs(attention, hidden), None, padding],
                num_heads=of.heads, mask_filter_value=LOWEST,
            )  # fmt: skip
            hidden = self._add_norm(of.inside(index, of.self_norm), f"{attention}.{self._layout.mixed}", mixed, hidden)
            hidden = self._feed_forward(of, index, hidden)
        return hidden

    def _decode(self, ids: ir.Value, before: ir.Value, after: ir.Value) -> ir.Value:
        of, mixes = self._decoder, self._layout.mixed
        hidden = self._embeddings(of, ids, before, after)
        for index in range(of.layers):
            attention = of.inside(index, of.self_attention)
            query, key, value = self._inputs(attention, hidden)
            mixed = self._attend_self(index, query, key, value, None, unidirectional=1)
            hidden = self._add_norm(of.inside(index, of.self_norm), f"{attention}.{mixes}", mixed, hidden)
            attention = of.inside(index, of.cross_attention)
            mixed = self._attend_cross(index, self._linear(f"{attention}.{self._layout.query}", hidden))
            hidden = self._add_norm(of.inside(index, of.cross_norm), f"{attention}.{mixes}", mixed, hidden)
            hidden = self._feed_forward(of, index, hidden)
        return self._node("Add", [self._head(hidden), self._weight(self._layout.output_bias)])

    def _embeddings(self, of: Stack, ids: ir.Value, begin: ir.Value, end: ir.Value) -> ir.Value:
        """Words and positions `begin` to `end` [1 each]."""
        words = self._rows(of.embedding, ids)
        if self._layout.word_factor != 1.0:
            words = self._node("Mul", [words, self._floats(self._layout.word_factor)])
        table = self._weights.array(f"{of.positions}.weight")[of.offset :]
        rows = self._node("Slice", [add_initializer(self._graph, f"{of.name}.positions", table), begin, end])
        total = self._node("Add", [words, self._node("Unsqueeze", [rows, self._integers([0])])])
        if not of.embedding_norm:
            return total
        inputs = [total, self._weight(f"{of.embedding_norm}.weight"), self._weight(f"{of.embedding_norm}.bias")]
        return self._node("LayerNormalization", inputs, axis=-1, epsilon=_EPSILON)

    def _feed_forward(self, of: Stack, index: int, hidden: ir.Value) -> ir.Value:
        inner = self._activation(self._layout.activation, self._linear(of.inside(index, of.up), hidden))
        return self._add_norm(of.inside(index, of.feed_norm), of.inside(index, of.down), inner, hidden)

    def _add_norm(self, norm: str, linear: str, value: ir.Value, skip: ir.Value) -> ir.Value:
        """`skip` plus `value` through `linear`, normalised."""
        inputs = [self._product(linear, value), skip, self._weight(f"{norm}.weight"), self._weight(f"{norm}.bias")]
        inputs.append(self._weight(f"{linear}.bias"))
        return self._fused("SkipLayerNormalization", inputs, epsilon=_EPSILON)
