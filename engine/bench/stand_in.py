"""A random decoder for measuring a machine with where no real one is at hand. [torch]"""

from __future__ import annotations

from pathlib import Path


def write_stand_in(folder: Path, hidden: int = 768, layers: int = 12, vocabulary: int = 8192) -> Path:
    """Write a random Llama into the new folder `folder`; by default of 91 million parameters in float32, so that its
    weights do not fit the caches and decoding is bound by memory as with a real model."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    heads = max(1, hidden // 64)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=8 * hidden // 3 // 64 * 64 or 64,
        num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=512,
        tie_word_embeddings=True,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder
