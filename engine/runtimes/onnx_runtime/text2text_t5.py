"""The graphs of T5 and mT5: norms before each part, positions as a bias by distance, no other biases."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
import torch

from engine.runtimes.onnx_runtime.graph import add_initializer
from engine.runtimes.onnx_runtime.text2text import LOWEST, Text2TextGraph
from engine.runtimes.onnx_runtime.writer import DOMAIN


class T5Graph(Text2TextGraph):
    """A T5, whose attention is not scaled."""

    @property
    def _heads(self) -> int:
        return int(self._config.num_heads)

    @property
    def _width(self) -> int:
        return int(self._config.d_kv)

    @property
    def _decoder_layers(self) -> int:
        return int(self._config.num_decoder_layers)

    def _cross_products(self, index: int) -> tuple[str, str]:
        name = f"decoder.block.{index}.layer.1.EncDecAttention"
        return f"{name}.k", f"{name}.v"

    def _projected(self, module: str, value: ir.Value) -> ir.Value:
        return self._product(module, value)

    def _encode(self, ids: ir.Value, padding: ir.Value) -> ir.Value:
        hidden = self._rows("shared", ids)
        length = self._node("Shape", [ids], start=1, end=2)
        zero = self._integers([0])
        bias = self._position_bias("encoder", zero, length)
        add: ir.Value | None = None
        for index in range(self._config.num_layers):
            block = f"encoder.block.{index}.layer"
            normed, hidden = self._norm(f"{block}.0.layer_norm", hidden, add)
            attention = f"{block}.0.SelfAttention"
            inputs = [self._product(f"{attention}.{part}", normed) for part in "qkv"]
            mixed = self._fused(
                "MultiHeadAttention", [*inputs, None, padding, bias],
                num_heads=self._heads, scale=1.0, mask_filter_value=LOWEST,
            )  # fmt: skip
            normed, hidden = self._norm(f"{block}.1.layer_norm", hidden, self._product(f"{attention}.o", mixed))
            add = self._feed_forward(f"{block}.1.DenseReluDense", normed)
        return self._norm("encoder.final_layer_norm", hidden, add)[0]

    def _decode(self, ids: ir.Value, before: ir.Value, after: ir.Value) -> ir.Value:
        hidden = self._rows("shared", ids)
        bias = self._position_bias("decoder", before, after)
        add: ir.Value | None = None
        for index in range(self._decoder_layers):
            block = f"decoder.block.{index}.layer"
            normed, hidden = self._norm(f"{block}.0.layer_norm", hidden, add)
            attention = f"{block}.0.SelfAttention"
            query, key, value = (self._product(f"{attention}.{part}", normed) for part in "qkv")
            mixed = self._attend_self(index, query, key, value, bias, scale=1.0)
            normed, hidden = self._norm(f"{block}.1.layer_norm", hidden, self._product(f"{attention}.o", mixed))
            attention = f"{block}.1.EncDecAttention"
            mixed = self._attend_cross(index, self._product(f"{attention}.q", normed), scale=1.0)
            normed, hidden = self._norm(f"{block}.2.layer_norm", hidden, self._product(f"{attention}.o", mixed))
            add = self._feed_forward(f"{block}.2.DenseReluDense", normed)
        normed, _ = self._norm("decoder.final_layer_norm", hidden, add)
        if getattr(self._config, "scale_decoder_outputs", False):
            normed = self._node("Mul", [normed, self._floats(self._config.d_model**-0.5)])
        return self._head("lm_head", "shared", normed)

    def _norm(self, name: str, hidden: ir.Value, add: ir.Value | None) -> tuple[ir.Value, ir.Value]:
        """`hidden` + `add` normalised by its root mean square, and the sum itself."""
        weight, epsilon = self._weight(f"{name}.weight"), float(self._config.layer_norm_epsilon)
        if add is None:
            return self._node("SimplifiedLayerNormalization", [hidden, weight], axis=-1, epsilon=epsilon), hidden
        inputs = [hidden, add, weight]
        normed, _, _, total = self._nodes("SkipSimplifiedLayerNormalization", inputs, 4, DOMAIN, epsilon=epsilon)
        return normed, total

    def _feed_forward(self, name: str, hidden: ir.Value) -> ir.Value:
        if self._config.is_gated_act:
            gate = self._activation(self._config.dense_act_fn, self._product(f"{name}.wi_0", hidden))
            inner = self._node("Mul", [gate, self._product(f"{name}.wi_1", hidden)])
        else:
            inner = self._activation(self._config.dense_act_fn, self._product(f"{name}.wi", hidden))
        return self._product(f"{name}.wo", inner)

    def _position_bias(self, stack: str, begin: ir.Value, end: ir.Value) -> ir.Value:
        """The bias [1, N, queries, keys] of queries `begin` to `end` for keys 0 to `end`, [1] each.

        It depends on the distance alone, and not on how far beyond relative_attention_max_distance: a table that the
        model's own code fills holds all there is. In the decoder, the table also hides what comes later.
        """
        most = int(self._config.relative_attention_max_distance)
        rows = add_initializer(self._graph, f"{stack}.position_bias", self._bias_table(stack, most))
        scalar = self._integers([])
        zero, one = self._integers(0), self._integers(1)
        first, last = self._node("Reshape", [begin, scalar]), self._node("Reshape", [end, scalar])
        queries = self._node("Unsqueeze", [self._node("Range", [first, last, one]), self._integers([1])])
        keys = self._node("Unsqueeze", [self._node("Range", [zero, last, one]), self._integers([0])])
        distance = self._node("Clip", [self._node("Sub", [keys, queries]), self._integers(-most), self._integers(most)])
        found = self._node("Gather", [rows, self._node("Add", [distance, self._integers(most)])])
        return self._node("Unsqueeze", [self._node("Transpose", [found], perm=[2, 0, 1]), self._integers([0])])

    def _bias_table(self, stack: str, most: int) -> Any:
        """Bias [2·most + 1, N] for keys −`most` to `most` places after the query."""
        attention = self._twin.get_submodule(f"{stack}.block.0.layer.0.SelfAttention")
        buckets = attention._relative_position_bucket(
            torch.arange(-most, most + 1), bidirectional=stack == "encoder",
            num_buckets=attention.relative_attention_num_buckets,
            max_distance=attention.relative_attention_max_distance,
        )  # fmt: skip
        table = attention.relative_attention_bias.weight.detach().float()[buckets].numpy()
        if stack == "decoder":
            table[most + 1 :] = LOWEST
        return table
