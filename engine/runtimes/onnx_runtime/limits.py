"""What ONNX Runtime's kernels and the graph builders can hold, as plain data: no library is imported."""

from __future__ import annotations

from engine.checkpoint.info import CheckpointInfo

# Architecture -> class of onnxruntime-genai's model builder that writes its graph.
DECODERS: dict[str, str] = {
    "LlamaForCausalLM": "LlamaModel",
    "MistralForCausalLM": "MistralModel",
    "Qwen2ForCausalLM": "QwenModel",
    "Qwen3ForCausalLM": "Qwen3Model",
    "SmolLM3ForCausalLM": "SmolLM3Model",
    "GraniteForCausalLM": "GraniteModel",
    "GemmaForCausalLM": "GemmaModel",
}
# Other decoders whose graphs Transformers' exporter writes; tests build each of them.
EXPORTED = frozenset({
    "ApertusForCausalLM", "ArceeForCausalLM", "BioGptForCausalLM", "BloomForCausalLM", "CodeGenForCausalLM",
    "Cohere2ForCausalLM", "CohereForCausalLM", "Ernie4_5ForCausalLM", "Exaone4ForCausalLM", "FalconForCausalLM",
    "GPT2LMHeadModel", "GPTBigCodeForCausalLM", "GPTJForCausalLM", "GPTNeoXForCausalLM", "Gemma2ForCausalLM",
    "Gemma3ForCausalLM", "Glm4ForCausalLM", "GlmForCausalLM", "HeliumForCausalLM", "HunYuanDenseV1ForCausalLM",
    "MinistralForCausalLM", "NemotronForCausalLM", "OPTForCausalLM", "Olmo2ForCausalLM", "Olmo3ForCausalLM",
    "OlmoForCausalLM", "PersimmonForCausalLM", "Phi3ForCausalLM", "PhiForCausalLM", "SeedOssForCausalLM",
    "StableLmForCausalLM", "Starcoder2ForCausalLM", "XGLMForCausalLM",
})  # fmt: skip
ENCODERS = frozenset({"bert", "distilbert", "roberta"})
MODEL = "model.onnx"
# The two graphs of an encoder-decoder; both read their weights from one file.
ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
# MatMulNBits' accuracy_level: 0 computes in float32, 4 rounds activations to 8 bits a block.
EXACT, FAST = 0, 4
# nats a token that the fast level may cost before "automatic" takes the exact one
TOLERATED_KL = 0.01
# 1 − cosine of the hidden vectors that it may cost an encoder
TOLERATED_ANGLE = 1e-3
# GroupQueryAttention rotates heads of a multiple of this width itself
FUSED_ROPE_HEADS = 16
# Tokens of a window of calibration text that the scales of an 8-bit key-value cache are measured on
CACHE_TOKENS = 512
BLOCKS = (256, 128, 64, 32, 16)


def is_exported(info: CheckpointInfo) -> bool:
    """Whether the graph of `info` is left to Transformers' exporter: a decoder that has no fused one."""
    return info.task == "text-generation" and info.architecture not in DECODERS


def block_size_for(group: int | None, columns: int) -> int | None:
    """The largest block the kernels know that cuts groups of `group` columns evenly; None where there is none.

    One scale a row (`group` None or `columns`) always fits: the last block may be padded.
    """
    whole = group is None or group == columns
    size = columns if group is None else group
    if not whole and columns % size:
        return None
    return next((block for block in BLOCKS if size % block == 0), 32 if whole else None)
