"""The graphs of T5 and mT5: norms before each part, positions as a bias by distance, no other biases."""

from __future__ import annotations

import onnx_ir as ir

from engine.runtimes.onnx_runtime.graph import add_initializer
from engine.runtimes.onnx_runtime.text2text import LOWEST, Text2TextGraph
from engine.runtimes.onnx_runtime.writer import DOMAIN
from engine.runtimes.text2text_layout import Stack, distance_bias


class T5Graph(Text2TextGraph):
    """A T5, whose attention is not scaled."""

    def _encode(self, ids: ir.Value, padding: ir.Value) -> ir.Value:
        of = self._encoder
        hidden = self._rows(of.embedding, ids)
        length = self._node("Shape", [ids], start=1, end=2)
        bias = self._position_bias(of, self._integers([0]), length)
        add: ir.Value | None = None
        for index in range(of.layers):
            normed, hidden = self._norm(of.inside(index, of.self_norm), hidden, add)
            attention = of.inside(index, of.self_attention)
            mixed = self._fused(
                "MultiHeadAttention", [*self._inputs(attention, normed), None, padding, bias],
                num_heads=of.heads, scale=1.0, mask_filter_value=LOWEST,
            )  # fmt: skip
            add = self._product(f"{attention}.{self._layout.mixed}", mixed)
            normed, hidden = self._norm(of.inside(index, of.feed_norm), hidden, add)
            add = self._feed_forward(of, index, normed)
        return self._norm(of.final_norm, hidden, add)[0]

    def _decode(self, ids: ir.Value, before: ir.Value, after: ir.Value) -> ir.Value:
        of, mixes = self._decoder, self._layout.mixed
        hidden = self._rows(of.embedding, ids)
        bias = self._position_bias(of, before, after)
        add: ir.Value | None = None
        for index in range(of.layers):
            normed, hidden = self._norm(of.inside(index, of.self_norm), hidden, add)
            attention = of.inside(index, of.self_attention)
            query, key, value = self._inputs(attention, normed)
            mixed = self._attend_self(index, query, key, value, bias, scale=1.0)
            add = self._product(f"{attention}.{mixes}", mixed)
            normed, hidden = self._norm(of.inside(index, of.cross_norm), hidden, add)
            attention = of.inside(index, of.cross_attention)
            query = self._product(f"{attention}.{self._layout.query}", normed)
            add = self._product(f"{attention}.{mixes}", self._attend_cross(index, query, scale=1.0))
            normed, hidden = self._norm(of.inside(index, of.feed_norm), hidden, add)
            add = self._feed_forward(of, index, normed)
        normed, _ = self._norm(of.final_norm, hidden, add)
        if self._layout.output_factor != 1.0:
            normed = self._node("Mul", [normed, self._floats(self._layout.output_factor)])
        return self._head(normed)

    def _norm(self, name: str, hidden: ir.Value, add: ir.Value | None) -> tuple[ir.Value, ir.Value]:
        """`hidden` + `add` normalised by its root mean square, and the sum itself."""
        weight, epsilon = self._weight(f"{name}.weight"), float(self._config.layer_norm_epsilon)
        if add is None:
            return self._node("SimplifiedLayerNormalization", [hidden, weight], axis=-1, epsilon=epsilon), hidden
        inputs = [hidden, add, weight]
        normed, _, _, total = self._nodes("SkipSimplifiedLayerNormalization", inputs, 4, DOMAIN, epsilon=epsilon)
        return normed, total

    def _feed_forward(self, of: Stack, index: int, hidden: ir.Value) -> ir.Value:
        inner = self._product(of.inside(index, of.up), hidden)
        if of.gate:
            gate = self._activation(self._layout.activation, self._product(of.inside(index, of.gate), hidden))
            inner = self._node("Mul", [gate, inner])
        else:
            inner = self._activation(self._layout.activation, inner)
        return self._product(of.inside(index, of.down), inner)

    def _position_bias(self, of: Stack, begin: ir.Value, end: ir.Value) -> ir.Value:
        """The bias [1, N, queries, keys] of queries `begin` to `end` for keys 0 to `end`, [1] each."""
        most = self._layout.farthest
        table = distance_bias(self._twin, self._layout, of, LOWEST)
        rows = add_initializer(self._graph, f"{of.name}.position_bias", table)
        scalar = self._integers([])
        zero, one = self._integers(0), self._integers(1)
        first, last = self._node("Reshape", [begin, scalar]), self._node("Reshape", [end, scalar])
        queries = self._node("Unsqueeze", [self._node("Range", [first, last, one]), self._integers([1])])
        keys = self._node("Unsqueeze", [self._node("Range", [zero, last, one]), self._integers([0])])
        distance = self._node("Clip", [self._node("Sub", [keys, queries]), self._integers(-most), self._integers(most)])
        found = self._node("Gather", [rows, self._node("Add", [distance, self._integers(most)])])
        return self._node("Unsqueeze", [self._node("Transpose", [found], perm=[2, 0, 1]), self._integers([0])])
