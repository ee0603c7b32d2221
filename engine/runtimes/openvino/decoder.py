"""The graph of a decoder: one stateful model with inputs input_ids, attention_mask, position_ids and beam_idx.

Shape letters: B texts, T new tokens, S tokens with those in the cache, H heads, D head width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.runtimes.openvino.attention import Cache, Rotation, causal_mask, empty_rows, repeated
from engine.runtimes.openvino.decoder_layout import LAYOUTS
from engine.runtimes.openvino.graph import Graph, floats, heads_of, integers, joined
from engine.runtimes.openvino.library import ops, ov
from engine.runtimes.openvino.limits import HEAD
from engine.runtimes.openvino.weights import Weights

Step = Callable[[int, int], None]


class DecoderGraph(Graph):
    """Writes the graph of Transformers decoder `twin`."""

    def __init__(self, twin: Any, weights: Weights, architecture: str) -> None:
        super().__init__(twin, weights)
        self._layout = LAYOUTS[architecture]
        self._sinks: list[Any] = []
        self._masks: dict[int | None, Any] = {}
        self._rotation: Rotation | None = None

    def write(self, step: Step) -> Any:
        """The model, with output logits [B, T, V]; `step` is told each layer's number and how many there are."""
        self._ids, self._mask = self.input("input_ids"), self.input("attention_mask")
        self._positions = self.input("position_ids")
        self._order = self.input("beam_idx", ov.Type.i32, 1)
        self._rows = empty_rows(self._ids)
        rotary = next((module for name, module in self.twin.named_modules() if name.endswith("rotary_emb")), None)
        if rotary is not None:
            self._rotation = Rotation(rotary, self._positions)
        hidden = self._embedded()
        layers = int(self.config.num_hidden_layers)
        for index in range(layers):
            step(index, layers)
            hidden = self._layer(index, hidden)
        hidden = self.norm(self._layout.final_norm, hidden, self._layout.norm_offset)
        result = self.output(self._head(hidden), "logits")
        return ov.Model([result], self._sinks, self.inputs, "decoder")

    # The parts -------------------------------------------------------------------------------------------------

    def _embedded(self) -> Any:
        hidden = self.rows(self._layout.embedding, self._ids)
        module = self.twin.get_submodule(self._layout.embedding)
        factor = getattr(module, "scalar_embed_scale", getattr(self.config, "embedding_multiplier", 1.0))
        hidden = _scaled(hidden, factor)
        if self._layout.positions:
            places = ops.add(self._positions, integers(self._layout.positions_offset))
            hidden = ops.add(hidden, self.rows(self._layout.positions, places))
        return hidden

    def _head(self, hidden: Any) -> Any:
        head = self.twin.get_output_embeddings()
        name = next(name for name, module in self.twin.named_modules() if module is head)
        # the session finds the product by this name, to leave out positions that nobody reads
        product = ops.matmul(hidden, self.weights.matrix(name), False, True)
        product.set_friendly_name(HEAD)
        logits = product if head.bias is None else ops.add(product, self.weights.vector(f"{name}.bias"))
        return _scaled(logits, 1.0 / float(getattr(self.config, "logits_scaling", 1.0)))

    def _layer(self, index: int, hidden: Any) -> Any:
        layout = self._layout
        name = layout.layer.format(index)
        factor = float(getattr(self.config, "residual_multiplier", 1.0))
        normal = self._norm_in(name, layout.before_attention, hidden)
        mixed = self._norm_in(
            name, layout.after_attention, self._attention(index, f"{name}.{layout.attention}", normal)
        )
        total = ops.add(hidden, _scaled(mixed, factor))
        inner = normal if layout.parallel else self._norm_in(name, layout.before_feed_forward, total)
        outer = self._norm_in(name, layout.after_feed_forward, self._feed_forward(name, inner))
        return ops.add(total, _scaled(outer, factor))

    def _norm_in(self, layer: str, name: str, value: Any) -> Any:
        return self.norm(f"{layer}.{name}", value, self._layout.norm_offset) if name else value

    def _feed_forward(self, layer: str, value: Any) -> Any:
        layout = self._layout
        config = self.config
        kind = getattr(config, "hidden_act", None) or getattr(config, "activation_function", None) or "gelu"
        if layout.fused_gate:
            halves = ops.split(self.linear(f"{layer}.{layout.fused_gate}", value), integers(-1), 2)
            inner = ops.multiply(self.activation(kind, halves.output(0)), halves.output(1))
        elif layout.gate:
            gate = self.activation(kind, self.linear(f"{layer}.{layout.gate}", value))
            inner = ops.multiply(gate, self.linear(f"{layer}.{layout.up}", value))
        else:
            inner = self.activation(kind, self.linear(f"{layer}.{layout.up}", value))
        return self.linear(f"{layer}.{layout.down}", inner)

    # Attention -------------------------------------------------------------------------------------------------

    def _attention(self, index: int, name: str, value: Any) -> Any:
        module = self.twin.get_submodule(name)
        width = int(module.head_dim)
        heads = int(self.config.num_attention_heads)
        shared = int(getattr(self.config, "num_key_value_heads", None) or heads)
        query, key, value = self._projections(name, value, heads * width, shared * width)
        query = self._heads(f"{name}.q_norm", query, heads, width)
        key = self._heads(f"{name}.k_norm", key, shared, width)
        if self._rotation is not None and getattr(module, "use_rope", True):
            query, key = self._rotation.turn(query, width), self._rotation.turn(key, width)
        value = ops.transpose(heads_of(value, shared, width), integers([0, 2, 1, 3]))
        whole = []
        for kind, part in (("key", key), ("value", value)):
            cache = Cache(
                f"past_key_values.{index}.{kind}present.{index}.{kind}", shared, width, self._rows, self._order
            )
            whole.append(repeated(cache.append(part), heads // shared, heads, width))
            self._sinks.append(cache.sink)
        scale = floats(float(getattr(module, "scaling", width**-0.5)))
        mixed = ops.scaled_dot_product_attention(query, *whole, self._mask_of(index), scale, causal=False)
        return self.linear(f"{name}.{self._layout.attention_output}", joined(mixed))

    def _projections(self, name: str, value: Any, wide: int, narrow: int) -> tuple[Any, Any, Any]:
        """Query [B, T, wide], key and value [B, T, narrow]."""
        layout = self._layout
        if not layout.fused:
            query, key, value = (
                self.linear(f"{name}.{part}", value) for part in (layout.query, layout.key, layout.value)
            )
            return query, key, value
        whole = self.linear(f"{name}.{layout.fused}", value)
        parts = ops.variadic_split(whole, integers(-1), integers([wide, narrow, narrow]))
        return parts.output(0), parts.output(1), parts.output(2)

    def _heads(self, norm: str, value: Any, heads: int, width: int) -> Any:
        """`value` [B, T, heads · D] as [B, heads, T, D], normalised by `norm` where the model has it."""
        size = self.twin.get_submodule(norm).weight.numel() if self.has(norm) else 0
        if size == heads * width and heads > 1:
            value = self.norm(norm, value, self._layout.norm_offset)
        value = heads_of(value, heads, width)
        if size == width:
            value = self.norm(norm, value, self._layout.norm_offset)
        return ops.transpose(value, integers([0, 2, 1, 3]))

    def _mask_of(self, index: int) -> Any:
        window = self._window(index)
        if window not in self._masks:
            self._masks[window] = causal_mask(self._ids, self._mask, self._positions, window)
        return self._masks[window]

    def _window(self, index: int) -> int | None:
        """How many tokens layer `index` looks back; None for all of them."""
        window = getattr(self.config, "sliding_window", None)
        kinds = getattr(self.config, "layer_types", None)
        if window is None or (kinds is not None and kinds[index] != "sliding_attention"):
            return None
        return int(window) if window < self.config.max_position_embeddings else None


def _scaled(value: Any, factor: float) -> Any:
    return value if factor == 1.0 else ops.multiply(value, floats(float(factor)))
