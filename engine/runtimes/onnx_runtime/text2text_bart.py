"""The graphs of BART and Marian: norms after each part, positions added to the embeddings, biases everywhere."""

from __future__ import annotations

import onnx_ir as ir

from engine.runtimes.onnx_runtime.graph import add_initializer
from engine.runtimes.onnx_runtime.text2text import LOWEST, Text2TextGraph

_EPSILON = 1e-5  # of the norms: torch's own, which these models do not change


class BartGraph(Text2TextGraph):
    """A BART; Marian is one without norms on its embeddings, whose positions are sines."""

    @property
    def _heads(self) -> int:
        return int(self._config.decoder_attention_heads)

    @property
    def _width(self) -> int:
        return int(self._config.d_model // self._heads)

    @property
    def _decoder_layers(self) -> int:
        return int(self._config.decoder_layers)

    def _cross_products(self, index: int) -> tuple[str, str]:
        name = f"model.decoder.layers.{index}.encoder_attn"
        return f"{name}.k_proj", f"{name}.v_proj"

    def _projected(self, module: str, value: ir.Value) -> ir.Value:
        return self._linear(module, value)

    def _encode(self, ids: ir.Value, padding: ir.Value) -> ir.Value:
        length = self._node("Shape", [ids], start=1, end=2)
        hidden = self._embeddings("model.encoder", ids, self._integers([0]), length)
        heads = int(self._config.encoder_attention_heads)
        for index in range(self._config.encoder_layers):
            layer = f"model.encoder.layers.{index}"
            inputs = [self._linear(f"{layer}.self_attn.{part}_proj", hidden) for part in "qkv"]
            mixed = self._fused(
                "MultiHeadAttention", [*inputs, None, padding], num_heads=heads, mask_filter_value=LOWEST
            )
            hidden = self._add_norm(f"{layer}.self_attn_layer_norm", f"{layer}.self_attn.out_proj", mixed, hidden)
            hidden = self._feed_forward(layer, hidden)
        return hidden

    def _decode(self, ids: ir.Value, before: ir.Value, after: ir.Value) -> ir.Value:
        hidden = self._embeddings("model.decoder", ids, before, after)
        for index in range(self._decoder_layers):
            layer = f"model.decoder.layers.{index}"
            query, key, value = (self._linear(f"{layer}.self_attn.{part}_proj", hidden) for part in "qkv")
            mixed = self._attend_self(index, query, key, value, None, unidirectional=1)
            hidden = self._add_norm(f"{layer}.self_attn_layer_norm", f"{layer}.self_attn.out_proj", mixed, hidden)
            mixed = self._attend_cross(index, self._linear(f"{layer}.encoder_attn.q_proj", hidden))
            hidden = self._add_norm(f"{layer}.encoder_attn_layer_norm", f"{layer}.encoder_attn.out_proj", mixed, hidden)
            hidden = self._feed_forward(layer, hidden)
        logits = self._head("lm_head", "model.decoder.embed_tokens", hidden)
        return self._node("Add", [logits, self._weight("final_logits_bias")])

    def _embeddings(self, stack: str, ids: ir.Value, begin: ir.Value, end: ir.Value) -> ir.Value:
        """Words and positions `begin` to `end` [1 each]."""
        words = self._rows(f"{stack}.embed_tokens", ids)
        if self._config.scale_embedding:
            words = self._node("Mul", [words, self._floats(self._config.d_model**0.5)])
        offset = int(getattr(self._twin.get_submodule(f"{stack}.embed_positions"), "offset", 0))
        table = self._weights.array(f"{stack}.embed_positions.weight")[offset:]
        rows = self._node("Slice", [add_initializer(self._graph, f"{stack}.positions", table), begin, end])
        total = self._node("Add", [words, self._node("Unsqueeze", [rows, self._integers([0])])])
        if not hasattr(self._twin.get_submodule(stack), "layernorm_embedding"):
            return total
        name = f"{stack}.layernorm_embedding"
        inputs = [total, self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]
        return self._node("LayerNormalization", inputs, axis=-1, epsilon=_EPSILON)

    def _feed_forward(self, layer: str, hidden: ir.Value) -> ir.Value:
        inner = self._activation(self._config.activation_function, self._linear(f"{layer}.fc1", hidden))
        return self._add_norm(f"{layer}.final_layer_norm", f"{layer}.fc2", inner, hidden)

    def _add_norm(self, norm: str, linear: str, value: ir.Value, skip: ir.Value) -> ir.Value:
        """`skip` plus `value` through `linear`, normalised."""
        inputs = [self._product(linear, value), skip, self._weight(f"{norm}.weight"), self._weight(f"{norm}.bias")]
        inputs.append(self._weight(f"{linear}.bias"))
        return self._fused("SkipLayerNormalization", inputs, epsilon=_EPSILON)
