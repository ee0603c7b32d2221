"""The graph of an encoder-decoder (T5, BART, Marian): two halves over the same weights, in one file.

The encoder's half reads the prompt once and gives what the decoder attends to: keys and values of every decoder layer.
The decoder's half takes them as inputs, appends tokens to the answer and keeps the answer's keys and values itself.

Shape letters: B texts, S prompt tokens, T new tokens of the answer, A its tokens with those in the cache, N heads,
D head width, H hidden width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

from engine.runtimes.openvino.attention import HIDDEN, Cache, empty_rows, hidden_scores
from engine.runtimes.openvino.graph import Graph, floats, heads_of, integers, joined
from engine.runtimes.openvino.library import ops, ov
from engine.runtimes.openvino.limits import HEAD
from engine.runtimes.openvino.weights import Weights
from engine.runtimes.text2text_layout import Stack, distance_bias, layout_of

Pair = tuple[Any, Any]


class Text2TextGraph(Graph):
    """Writes the graph of Transformers encoder-decoder `twin`."""

    def __init__(self, twin: Any, weights: Weights) -> None:
        super().__init__(twin, weights)
        self._layout = layout_of(twin)
        self._sinks: list[Any] = []

    def write(self) -> Any:
        """The model, both halves side by side.

        Encoder: inputs input_ids and attention_mask [B, S]; outputs cross.{i}.key and cross.{i}.value [B, N, S, D].
        Decoder: inputs decoder_input_ids [B, T], decoder_positions [T], beam_idx [B], encoder_attention_mask [B, S],
        encoder.{i}.key and encoder.{i}.value as above; output logits [B, T, V].
        """
        results = self._write_encoder()
        logits = self.output(self._write_decoder(), "logits")
        return ov.Model([logits, *results], self._sinks, self.inputs, "text2text")

    # The halves ------------------------------------------------------------------------------------------------

    def _write_encoder(self) -> list[Any]:
        of, prompt = self._layout.encoder, self.input("input_ids")
        places = _range(0, ops.gather(ops.shape_of(prompt), integers(1), integers(0)))
        scores = _hidden_padding(self.input("attention_mask"))
        if self._layout.farthest:
            scores = ops.add(self._distances(of, places, places), scores)
        hidden = self._embedded(of, prompt, places)
        for index in range(of.layers):
            norm = of.inside(index, of.self_norm)
            mixed = self._attention(of, of.inside(index, of.self_attention), self._before(norm, hidden), scores)
            hidden = self._feed_forward(of, index, self._after(norm, hidden, mixed))
        if of.final_norm:
            hidden = self.norm(of.final_norm, hidden)
        into = self._layout.decoder
        return [
            self.output(_by_heads(self.linear(module, hidden), into), f"cross.{index}.{kind}")
            for index in range(into.layers)
            for kind, module in zip(("key", "value"), self._layout.cross_products(index), strict=True)
        ]

    def _write_decoder(self) -> Any:
        of, answer = self._layout.decoder, self.input("decoder_input_ids")
        queries = self.input("decoder_positions", rank=1)
        order = self.input("beam_idx", ov.Type.i32, 1)
        padding = _hidden_padding(self.input("encoder_attention_mask"))
        rows = empty_rows(answer)
        last = ops.gather(queries, integers(-1), integers(0))
        keys = _range(0, ops.add(last, integers(1)))
        scores = self._distances(of, queries, keys) if self._layout.farthest else _causal(queries, keys)
        hidden = self._embedded(of, answer, queries)
        for index in range(of.layers):
            caches = [Cache(f"answer.{index}.{kind}", of.heads, of.width, rows, order) for kind in ("key", "value")]
            cross = (self._kept_in(of, f"encoder.{index}.key"), self._kept_in(of, f"encoder.{index}.value"))
            norm, name = of.inside(index, of.self_norm), of.inside(index, of.self_attention)
            mixed = self._attention(of, name, self._before(norm, hidden), scores, caches)
            self._sinks += [cache.sink for cache in caches]
            hidden = self._after(norm, hidden, mixed)
            norm, name = of.inside(index, of.cross_norm), of.inside(index, of.cross_attention)
            mixed = self._mixed(of, name, self._before(norm, hidden), cross, padding)
            hidden = self._feed_forward(of, index, self._after(norm, hidden, mixed))
        if of.final_norm:
            hidden = self.norm(of.final_norm, hidden)
        return self._head(_scaled(hidden, self._layout.output_factor))

    # The parts -------------------------------------------------------------------------------------------------

    def _embedded(self, of: Stack, ids: Any, places: Any) -> Any:
        rows = self.rows(of.embedding, ids)
        rows.set_friendly_name(f"{of.name}.embed_tokens")  # both halves of a T5 look up rows of one table
        hidden = _scaled(rows, self._layout.word_factor)
        if of.positions:
            hidden = ops.add(hidden, self.rows(of.positions, ops.add(places, integers(of.offset))))
        return self.norm(of.embedding_norm, hidden) if of.embedding_norm else hidden

    def _before(self, norm: str, hidden: Any) -> Any:
        """What a part of a layer reads of `hidden`."""
        return self.norm(norm, hidden) if self._layout.norm_first else hidden

    def _after(self, norm: str, hidden: Any, made: Any) -> Any:
        """`hidden` plus what a part of a layer `made` of it."""
        total = ops.add(hidden, made)
        return total if self._layout.norm_first else self.norm(norm, total)

    def _feed_forward(self, of: Stack, index: int, hidden: Any) -> Any:
        norm = of.inside(index, of.feed_norm)
        value = self._before(norm, hidden)
        wide = self.linear(of.inside(index, of.up), value)
        if of.gate:
            gate = self.activation(self._layout.activation, self.linear(of.inside(index, of.gate), value))
            wide = ops.multiply(gate, wide)
        else:
            wide = self.activation(self._layout.activation, wide)
        return self._after(norm, hidden, self.linear(of.inside(index, of.down), wide))

    def _head(self, hidden: Any) -> Any:
        product = ops.matmul(hidden, self.weights.matrix(self._layout.head), False, True)
        product.set_friendly_name(HEAD)
        bias = self._layout.output_bias
        if not bias:
            return product
        total = ops.add(product, self.weights.vector(bias))
        total.set_friendly_name(f"{HEAD}/bias")  # the compiler keeps one name of the two
        return total

    # Attention -------------------------------------------------------------------------------------------------

    def _attention(self, of: Stack, name: str, value: Any, scores: Any, caches: list[Cache] | None = None) -> Any:
        """Attention of `value` to itself, behind what `caches` of keys and values hold."""
        keys, values = (
            _by_heads(self.linear(f"{name}.{part}", value), of) for part in (self._layout.key, self._layout.value)
        )
        if caches is not None:
            keys, values = caches[0].append(keys), caches[1].append(values)
        return self._mixed(of, name, value, (keys, values), scores)

    def _mixed(self, of: Stack, name: str, value: Any, kept: Pair, scores: Any) -> Any:
        """Attention of `value` [B, T, H] to keys and values [B, N, A, D]; `scores` are added to its scores."""
        query = _by_heads(self.linear(f"{name}.{self._layout.query}", value), of)
        scale = floats(self._layout.scale(of))
        mixed = ops.scaled_dot_product_attention(query, *kept, scores, scale, causal=False)
        return self.linear(f"{name}.{self._layout.mixed}", joined(mixed))

    def _kept_in(self, of: Stack, name: str) -> Any:
        """An input of keys or values [B, N, S, D]."""
        node = self.input(name, ov.Type.f32, 4)
        node.set_partial_shape(ov.PartialShape([-1, of.heads, -1, of.width]))
        return node

    def _distances(self, of: Stack, queries: Any, keys: Any) -> Any:
        """The bias [1, N, queries, keys] by distance; a decoder's hides what comes later."""
        most = self._layout.farthest
        rows = self.weights.table(distance_bias(self.twin, self._layout, of, HIDDEN))
        apart = ops.subtract(ops.unsqueeze(keys, integers(0)), ops.unsqueeze(queries, integers(1)))
        found = ops.gather(rows, ops.add(ops.clamp(apart, -most, most), integers(most)), integers(0))
        return ops.unsqueeze(ops.transpose(found, integers([2, 0, 1])), integers(0))


def _causal(queries: Any, keys: Any) -> Any:
    """What hides later keys, [1, 1, queries, keys]."""
    earlier = ops.less_equal(ops.unsqueeze(keys, integers(0)), ops.unsqueeze(queries, integers(1)))
    return hidden_scores(ops.unsqueeze(earlier, integers([0, 1])))


def _hidden_padding(mask: Any) -> Any:
    """What hides places that `mask` [B, S] marks 0, [B, 1, 1, S]."""
    return hidden_scores(ops.unsqueeze(ops.convert(mask, ov.Type.boolean), integers([1, 2])))


def _by_heads(value: Any, of: Stack) -> Any:
    """`value` [B, T, N · D] as [B, N, T, D]."""
    return ops.transpose(heads_of(value, of.heads, of.width), integers([0, 2, 1, 3]))


def _range(start: int, end: Any) -> Any:
    return ops.range(integers(start), end, integers(1), ov.Type.i64)


def _scaled(value: Any, factor: float) -> Any:
    return value if factor == 1.0 else ops.multiply(value, floats(factor))
