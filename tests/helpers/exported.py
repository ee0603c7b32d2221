"""A small random checkpoint of every decoder whose ONNX graph Transformers' exporter writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.helpers.architectures import save

_SIZES = {
    "vocab_size": 512, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip
_GPT = {"vocab_size": 512, "n_embd": 128, "n_layer": 2, "n_head": 4, "n_positions": 256}
_ROTARY = {**_GPT, "rotary_dim": 16}
_WIDE = {**_SIZES, "head_dim": 32}
_WINDOW = {**_WIDE, "sliding_window": 6, "num_hidden_layers": 4}  # the last of them sees everything
# architecture -> class of its configuration, sizes
DECODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "GPT2LMHeadModel": ("GPT2", _GPT),
    "BloomForCausalLM": ("Bloom", {"vocab_size": 512, "hidden_size": 128, "n_layer": 2, "n_head": 4}),
    "StableLmForCausalLM": ("StableLm", _SIZES),
    "ApertusForCausalLM": ("Apertus", _SIZES),
    "ArceeForCausalLM": ("Arcee", _SIZES),
    "BioGptForCausalLM": ("BioGpt", _SIZES),
    "CodeGenForCausalLM": ("CodeGen", _ROTARY),
    "Cohere2ForCausalLM": ("Cohere2", _WINDOW),
    "CohereForCausalLM": ("Cohere", _SIZES),
    "Ernie4_5ForCausalLM": ("Ernie4_5", _WIDE),
    "Exaone4ForCausalLM": ("Exaone4", _WINDOW),
    "FalconForCausalLM": ("Falcon", _SIZES),
    "GPTBigCodeForCausalLM": ("GPTBigCode", _GPT),
    "GPTJForCausalLM": ("GPTJ", _ROTARY),
    "GPTNeoXForCausalLM": ("GPTNeoX", _SIZES),
    "Gemma2ForCausalLM": ("Gemma2", _WINDOW),
    "Gemma3ForCausalLM": ("Gemma3Text", {**_WINDOW, "num_hidden_layers": 6}),
    "Glm4ForCausalLM": ("Glm4", _WIDE),
    "GlmForCausalLM": ("Glm", _WIDE),
    "HeliumForCausalLM": ("Helium", _WIDE),
    "HunYuanDenseV1ForCausalLM": ("HunYuanDenseV1", _WIDE),
    "MinistralForCausalLM": ("Ministral", _WIDE),
    "NemotronForCausalLM": ("Nemotron", _SIZES),
    "OPTForCausalLM": ("OPT", {**_SIZES, "ffn_dim": 256, "word_embed_proj_dim": 128}),
    "Olmo2ForCausalLM": ("Olmo2", _SIZES),
    "Olmo3ForCausalLM": ("Olmo3", {**_SIZES, "sliding_window": 6, "num_hidden_layers": 4}),
    "OlmoForCausalLM": ("Olmo", _SIZES),
    "PersimmonForCausalLM": ("Persimmon", _SIZES),
    "Phi3ForCausalLM": ("Phi3", _SIZES),
    "PhiForCausalLM": ("Phi", _SIZES),
    "SeedOssForCausalLM": ("SeedOss", _WIDE),
    "Starcoder2ForCausalLM": ("Starcoder2", _SIZES),
    "XGLMForCausalLM": (
        "XGLM",
        {"vocab_size": 512, "d_model": 128, "ffn_dim": 256, "num_layers": 2, "attention_heads": 4,
         "max_position_embeddings": 256},
    ),
}  # fmt: skip
# those that cannot be exported
UNFIT: dict[str, tuple[str, dict[str, Any]]] = {
    "GPTNeoForCausalLM": (
        "GPTNeo",
        {"vocab_size": 512, "hidden_size": 128, "num_layers": 2, "num_heads": 4, "window_size": 6,
         "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 256},
    ),
    "MptForCausalLM": ("Mpt", {"vocab_size": 512, "d_model": 128, "n_layers": 2, "n_heads": 4, "max_seq_len": 256}),
    "FalconForCausalLM": ("Falcon", {**_SIZES, "alibi": True, "multi_query": False}),
}  # fmt: skip


def decoder(folder: Path, architecture: str, table: dict[str, tuple[str, dict[str, Any]]] = DECODERS) -> Path:
    """Write the random decoder of `architecture` into `folder`; no norm is trivial and no bias zero."""
    import torch
    import transformers

    kind, sizes = table[architecture]
    torch.manual_seed(1)
    config = getattr(transformers, f"{kind}Config")(**sizes, bos_token_id=0, eos_token_id=1, pad_token_id=2)
    model = getattr(transformers, architecture)(config)
    return save(model, folder, 3.0)
