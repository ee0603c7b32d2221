"""config.json in llama.cpp's words."""

from __future__ import annotations

import math
from typing import Any

import torch
from gguf import GGUFWriter, RopeScalingType
from torch import Tensor

from engine.gguf.architectures import Architecture, head_width, rope_of, window_of

ROPE_FREQS = "rope_freqs.weight"


def add_metadata(writer: GGUFWriter, config: dict[str, Any], architecture: Architecture) -> None:
    """Describe the model of `config`, a complete Transformers configuration, its defaults included."""
    heads = int(_first(config, "num_attention_heads", "n_head"))
    hidden = int(_first(config, "hidden_size", "n_embd"))
    width = head_width(config) or hidden // heads
    writer.add_block_count(int(_first(config, "num_hidden_layers", "n_layer")))
    writer.add_context_length(context_of(config))
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(int(_first(config, "intermediate_size", "n_inner") or 4 * hidden))
    writer.add_head_count(heads)
    writer.add_vocab_size(int(config["vocab_size"]))
    if architecture.name == "gpt2":
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        return
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_key_length(width)
    writer.add_value_length(width)
    rope = rope_of(config)
    writer.add_rope_dimension_count(int(width * rope.get("partial_rotary_factor", 1.0)))
    _add_rope(writer, rope)
    if architecture.name == "granite":
        writer.add_attention_scale(config["attention_multiplier"])
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_logit_scale(config["logits_scaling"])


def context_of(config: dict[str, Any]) -> int:
    """The longest text in tokens that llama.cpp computes as Transformers does: it knows no sliding window here."""
    longest = int(_first(config, "max_position_embeddings", "n_positions"))
    window = window_of(config)
    return longest if window is None else min(longest, window)


def rope_factors(config: dict[str, Any]) -> Tensor | None:
    """What Llama 3 divides each frequency by, float32 [head width / 2]; None where positions are not stretched so.

    The same arithmetic as transformers' modeling_rope_utils, which multiplies frequencies instead.
    """
    rope = rope_of(config)
    if rope.get("rope_type") != "llama3":
        return None
    width = head_width(config)
    assert width is not None
    turns = 1.0 / (rope["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    waves = 2 * math.pi / turns
    low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    factor, old = float(rope["factor"]), float(rope["original_max_position_embeddings"])
    smooth = (old / waves - low) / (high - low)
    between = 1 / ((1 - smooth) / factor + smooth)
    factors = torch.where(waves > old / low, torch.full_like(waves, factor), between)
    return torch.where(waves < old / high, torch.ones_like(waves), factors)


def _add_rope(writer: GGUFWriter, rope: dict[str, Any]) -> None:
    writer.add_rope_freq_base(rope["rope_theta"])
    kind = rope.get("rope_type")
    if kind == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif kind == "yarn":
        writer.add_rope_scaling_type(RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        for key, add in (
            ("beta_fast", writer.add_rope_scaling_yarn_beta_fast),
            ("beta_slow", writer.add_rope_scaling_yarn_beta_slow),
        ):
            if rope.get(key) is not None:
                add(rope[key])


def _first(config: dict[str, Any], *keys: str) -> Any:
    return next((config[key] for key in keys if config.get(key) is not None), None)
