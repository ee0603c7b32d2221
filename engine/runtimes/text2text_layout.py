"""Where encoder-decoders (T5, mT5, BART, Marian) keep their weights, and what their graphs do with them.

Free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.runtimes.base import Floats

TEXT2TEXT = frozenset({"t5", "mt5", "bart", "marian"})


@dataclass(frozen=True)
class Stack:
    """Module names of an encoder or a decoder, under Transformers' names; an empty one is a part that it lacks.

    Attributes:
        name: of the stack itself.
        layer: the name of layer {}; the parts of a layer follow it after a dot (see `inside`).
        layers, heads, width: how many layers and heads there are, and how wide a head is.
        positions: the table that is added to the words, whose first position is row `offset`.
        cross_attention, cross_norm: a decoder's, over the prompt.
        gate: what `up` is multiplied with, after the activation.
    """

    name: str
    layer: str
    layers: int
    heads: int
    width: int
    embedding: str
    self_attention: str
    self_norm: str
    feed_norm: str
    up: str
    down: str
    gate: str = ""
    cross_attention: str = ""
    cross_norm: str = ""
    positions: str = ""
    offset: int = 0
    embedding_norm: str = ""
    final_norm: str = ""

    def inside(self, index: int, *parts: str) -> str:
        """The module that `parts` lead to in layer `index`."""
        return ".".join((self.layer.format(index), *parts))


@dataclass(frozen=True)
class Layout:
    """An encoder-decoder.

    Attributes:
        query, key, value, mixed: the linear layers of every attention, the last behind it.
        norm_first: norms stand before attention and feed-forward, not behind their sums.
        scaled: attention scores are divided by the root of the head's width.
        farthest: distance from which on a bias by distance stays the same; 0 where positions are embedded.
        word_factor, output_factor: what embedded words, and the states that the head reads, are multiplied with.
        output_bias: what is added to the logits.
    """

    encoder: Stack
    decoder: Stack
    query: str
    key: str
    value: str
    mixed: str
    activation: str
    norm_first: bool
    scaled: bool
    farthest: int = 0
    word_factor: float = 1.0
    output_factor: float = 1.0
    output_bias: str = ""
    head: str = "lm_head"

    def scale(self, stack: Stack) -> float:
        """What attention scores of `stack` are multiplied with."""
        return float(np.float32(stack.width**-0.5)) if self.scaled else 1.0

    def cross_products(self, index: int) -> tuple[str, str]:
        """The modules that make keys and values of the prompt for decoder layer `index`."""
        of, attention = self.decoder, self.decoder.cross_attention
        return of.inside(index, attention, self.key), of.inside(index, attention, self.value)


def layout_of(twin: Any) -> Layout:
    """The layout of Transformers model `twin`, whose model type is one of TEXT2TEXT."""
    return _t5(twin.config) if twin.config.model_type in ("t5", "mt5") else _bart(twin)


def distance_bias(twin: Any, layout: Layout, stack: Stack, hidden: float) -> Floats:
    """T5's bias [2·farthest + 1, heads] of a key −`farthest` to `farthest` places after the query.

    It depends on the distance alone, so that a table which the model's own code fills holds all there is. In the
    decoder the table also hides what comes later, by `hidden`.
    """
    most = layout.farthest
    attention = twin.get_submodule(stack.inside(0, stack.self_attention))
    table = attention.compute_bias(1, 2 * most + 1, past_seen_tokens=most).detach().float().numpy()
    rows: Floats = np.ascontiguousarray(table[0, :, 0].T)
    if stack.cross_attention:
        rows[most + 1 :] = hidden
    return rows


def _t5(config: Any) -> Layout:
    def stack(name: str, layers: int, feed: int) -> Stack:
        inner = f"{feed}.DenseReluDense"
        return Stack(
            name=name, layer=f"{name}.block.{{}}.layer", layers=int(layers), heads=int(config.num_heads),
            width=int(config.d_kv), embedding="shared", self_attention="0.SelfAttention", self_norm="0.layer_norm",
            feed_norm=f"{feed}.layer_norm", down=f"{inner}.wo", gate=f"{inner}.wi_0" if config.is_gated_act else "",
            up=f"{inner}.wi_1" if config.is_gated_act else f"{inner}.wi", final_norm=f"{name}.final_layer_norm",
            cross_attention="1.EncDecAttention" if feed == 2 else "", cross_norm="1.layer_norm" if feed == 2 else "",
        )  # fmt: skip

    shrinks = getattr(config, "scale_decoder_outputs", False)
    return Layout(
        encoder=stack("encoder", config.num_layers, 1), decoder=stack("decoder", config.num_decoder_layers, 2),
        query="q", key="k", value="v", mixed="o", activation=str(config.dense_act_fn), norm_first=True, scaled=False,
        farthest=int(config.relative_attention_max_distance), output_factor=config.d_model**-0.5 if shrinks else 1.0,
    )  # fmt: skip


def _bart(twin: Any) -> Layout:
    """Marian is a BART without norms on its embeddings, whose positions are sines from row 0 on."""
    config = twin.config

    def stack(name: str, layers: int, heads: int, cross: bool) -> Stack:
        positions = f"{name}.embed_positions"
        normed = hasattr(twin.get_submodule(name), "layernorm_embedding")
        return Stack(
            name=name, layer=f"{name}.layers.{{}}", layers=int(layers), heads=int(heads),
            width=int(config.d_model // heads), embedding=f"{name}.embed_tokens", self_attention="self_attn",
            self_norm="self_attn_layer_norm", feed_norm="final_layer_norm", up="fc1", down="fc2",
            cross_attention="encoder_attn" if cross else "", cross_norm="encoder_attn_layer_norm" if cross else "",
            positions=positions, offset=int(getattr(twin.get_submodule(positions), "offset", 0)),
            embedding_norm=f"{name}.layernorm_embedding" if normed else "",
        )  # fmt: skip

    return Layout(
        encoder=stack("model.encoder", config.encoder_layers, config.encoder_attention_heads, False),
        decoder=stack("model.decoder", config.decoder_layers, config.decoder_attention_heads, True),
        query="q_proj", key="k_proj", value="v_proj", mixed="out_proj", activation=str(config.activation_function),
        norm_first=False, scaled=True, word_factor=config.d_model**0.5 if config.scale_embedding else 1.0,
        output_bias="final_logits_bias",
    )  # fmt: skip
