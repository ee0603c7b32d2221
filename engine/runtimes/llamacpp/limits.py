"""What llama.cpp can be asked for, as plain data: no library is imported."""

from __future__ import annotations

MODEL = "model.gguf"
# llama.cpp's own quantisations -> its number for them (llama.h, llama_ftype), and about how many bits a weight takes:
# in rows of whole blocks of 256 weights, and in others, for which llama.cpp falls back on older types
REQUANTISED: dict[str, tuple[int, float, float]] = {
    "Q4_K_M": (15, 4.9, 6.2),
    "Q5_K_M": (17, 5.7, 6.9),
    "Q6_K": (18, 6.6, 8.5),
}
SUPERBLOCK = 256
# llama.h's ggml_type of the key-value cache
CACHE_TYPES: dict[str, int] = {"f32": 0, "f16": 1, "q8_0": 8}
# llama_flash_attn_type
ATTENTION: dict[str, int] = {"automatic": -1, "plain": 0, "flash": 1}
# nats a token that rounding activations to 8 bits may cost
TOLERATED_KL = 0.01
# the largest difference of the logits over the largest logit that float32 weights may show
TOLERANCE = 1e-3


def attention_for(kv_cache: str, attention: str) -> int:
    """llama.cpp's number of the attention to ask for: flash attention would round a cache in f32 to f16."""
    return ATTENTION["plain" if (kv_cache, attention) == ("f32", "automatic") else attention]
