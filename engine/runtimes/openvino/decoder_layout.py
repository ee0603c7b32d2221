"""Where decoders keep their weights and how their parts are joined, by architecture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DecoderLayout:
    """Module names of one architecture: whole for `embedding`, `final_norm`, the rest inside a layer.

    Attributes:
        layer: the name of layer {}.
        fused: one module holds query, key and value one under the other; `query`, `key`, `value` are unused.
        gate: the gate beside `up`; empty for a plain feed-forward part.
        fused_gate: one module holds gate and up one under the other; `gate` and `up` are unused.
        norm_offset: added to the weights of RMS norms.
        after_attention, after_feed_forward: norms of what is added to the residual; empty where there are none.
        parallel: attention and feed-forward part read the same input.
        positions: the learned position embedding, empty for rotary models.
        positions_offset: rows of it that come before position 0.
    """

    embedding: str = "model.embed_tokens"
    layer: str = "model.layers.{}"
    final_norm: str = "model.norm"
    before_attention: str = "input_layernorm"
    before_feed_forward: str = "post_attention_layernorm"
    attention: str = "self_attn"
    query: str = "q_proj"
    key: str = "k_proj"
    value: str = "v_proj"
    fused: str = ""
    attention_output: str = "o_proj"
    gate: str = "mlp.gate_proj"
    up: str = "mlp.up_proj"
    down: str = "mlp.down_proj"
    fused_gate: str = ""
    norm_offset: float = 0.0
    after_attention: str = ""
    after_feed_forward: str = ""
    parallel: bool = False
    positions: str = ""
    positions_offset: int = 0


_LLAMA = DecoderLayout()
LAYOUTS: dict[str, DecoderLayout] = {
    "LlamaForCausalLM": _LLAMA,
    "MistralForCausalLM": _LLAMA,
    "Qwen2ForCausalLM": _LLAMA,
    "Qwen3ForCausalLM": _LLAMA,
    "SmolLM3ForCausalLM": _LLAMA,
    "GraniteForCausalLM": _LLAMA,
    "GemmaForCausalLM": DecoderLayout(norm_offset=1.0),
    "Olmo2ForCausalLM": DecoderLayout(
        before_attention="",
        before_feed_forward="",
        after_attention="post_attention_layernorm",
        after_feed_forward="post_feedforward_layernorm",
    ),
    "Phi3ForCausalLM": DecoderLayout(fused="qkv_proj", fused_gate="mlp.gate_up_proj"),
    "PhiForCausalLM": DecoderLayout(
        final_norm="model.final_layernorm",
        before_feed_forward="",
        attention_output="dense",
        gate="",
        up="mlp.fc1",
        down="mlp.fc2",
        parallel=True,
    ),
    "Starcoder2ForCausalLM": DecoderLayout(gate="", up="mlp.c_fc", down="mlp.c_proj"),
    "OPTForCausalLM": DecoderLayout(
        embedding="model.decoder.embed_tokens",
        layer="model.decoder.layers.{}",
        final_norm="model.decoder.final_layer_norm",
        before_attention="self_attn_layer_norm",
        before_feed_forward="final_layer_norm",
        attention_output="out_proj",
        gate="",
        up="fc1",
        down="fc2",
        positions="model.decoder.embed_positions",
        positions_offset=2,
    ),
    "GPT2LMHeadModel": DecoderLayout(
        embedding="transformer.wte",
        layer="transformer.h.{}",
        final_norm="transformer.ln_f",
        before_attention="ln_1",
        before_feed_forward="ln_2",
        attention="attn",
        fused="c_attn",
        attention_output="c_proj",
        gate="",
        up="mlp.c_fc",
        down="mlp.c_proj",
        positions="transformer.wpe",
    ),
}
