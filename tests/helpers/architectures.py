"""A small random checkpoint of every decoder that can be written as GGUF, and of the ways to stretch positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.helpers.checkpoints import tokenizer

_SIZES = {
    "vocab_size": 512, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
_LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
_YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64}
# name -> class, what its configuration says beyond the sizes
DECODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama with biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama with wide heads": ("Llama", {"head_dim": 64, "tie_word_embeddings": True}),
    "llama 3": ("Llama", {"rope_parameters": _LLAMA3}),
    "llama, linear": ("Llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}}),
    "llama, yarn": ("Llama", {"rope_parameters": _YARN}),
    "mistral with a window": ("Mistral", {"sliding_window": 100, "head_dim": 32}),
    "qwen2": ("Qwen2", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}),
    "qwen3": ("Qwen3", {"head_dim": 128}),
    "smollm3": ("SmolLM3", {}),
    "granite": (
        "Granite",
        {"attention_multiplier": 0.1, "embedding_multiplier": 3.0, "residual_multiplier": 0.5, "logits_scaling": 2.0},
    ),
    "gemma": ("Gemma", {"head_dim": 64}),
    "phi3": ("Phi3", {}),
    "gpt2": ("GPT2", {}),
}


def decoder(folder: Path, name: str, **changes: Any) -> Path:
    """Write the random decoder called `name` into `folder`; no norm is trivial and no bias zero."""
    import torch
    import transformers

    kind, own = DECODERS[name]
    sizes = _SIZES
    if kind == "GPT2":
        sizes = {"vocab_size": 512, "n_embd": 128, "n_layer": 3, "n_head": 4, "n_positions": 256, "bos_token_id": 0,
                 "eos_token_id": 1}  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(**{**sizes, **own, **changes})
    torch.manual_seed(1)
    model = getattr(transformers, "GPT2LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM")(config)
    return save(model, folder, 4.0)


def save(model: Any, folder: Path, factor: float) -> Path:
    """Write random `model` and a tokenizer: no norm is trivial, no bias zero, matrices `factor` times larger."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.1)
            else:
                parameter.mul_(factor)
    model.save_pretrained(folder)
    tokenizer(folder)
    return folder
