"""The decoders that Transformers and llama.cpp both know, and how their files differ. Plain data; free of torch.

Read in llama.cpp's converter (conversion/*.py) and graphs (src/models/*.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.checkpoint import structure
from engine.checkpoint.info import CheckpointInfo


@dataclass(frozen=True)
class Architecture:
    """What becomes of a class of Transformers in llama.cpp.

    Attributes:
        name: llama.cpp's name for it.
        rotates_pairs: neighbouring rows of query and key are rotated together, not the halves of a head, so that the
            rows must change places.
        norm_offset: added to every norm's weight, which Gemma keeps around zero.
        transposed: modules stored inputs first (Conv1D).
        activations: names of the activation that llama.cpp's graph computes.
        fills_width: llama.cpp takes all query heads together to be as wide as the model.
    """

    name: str
    rotates_pairs: bool = False
    norm_offset: float = 0.0
    transposed: tuple[str, ...] = ()
    activations: tuple[str, ...] = ("silu", "swish")
    fills_width: bool = False


_TANH_GELU = ("gelu_new", "gelu_pytorch_tanh")

ARCHITECTURES: dict[str, Architecture] = {
    "LlamaForCausalLM": Architecture("llama", rotates_pairs=True),
    "MistralForCausalLM": Architecture("llama", rotates_pairs=True),
    "Qwen2ForCausalLM": Architecture("qwen2", fills_width=True),
    "Qwen3ForCausalLM": Architecture("qwen3"),
    "SmolLM3ForCausalLM": Architecture("smollm3", rotates_pairs=True),
    "GraniteForCausalLM": Architecture("granite", rotates_pairs=True),
    # Transformers reads Gemma's “gelu” as the tanh form too, for its checkpoints were published with the wrong name.
    "GemmaForCausalLM": Architecture("gemma", norm_offset=1.0, activations=(*_TANH_GELU, "gelu")),
    "Phi3ForCausalLM": Architecture("phi3", fills_width=True),
    "GPT2LMHeadModel": Architecture(
        "gpt2", transposed=("c_attn", "c_proj", "c_fc"), activations=_TANH_GELU
    ),
}  # fmt: skip
# How positions may be stretched; “dynamic” and “longrope” change with the length of the text.
_ROPE_TYPES = ("default", "linear", "llama3", "yarn")
_YARN_SCALES = ("attention_factor", "mscale", "mscale_all_dim")
# SmolLM3 leaves every fourth layer without positions; llama.cpp counts instead of reading which.
_NO_ROPE_STEP = 4


def refusal(info: CheckpointInfo) -> str | None:
    """Why llama.cpp cannot hold a model of this layout, as a sentence; None where it can."""
    if info.model_type == structure.MODEL_TYPE:
        return "A GGUF file cannot hold shared or low-rank layers."
    if info.architecture not in ARCHITECTURES:
        known = ", ".join(name.removesuffix("ForCausalLM").removesuffix("LMHeadModel") for name in ARCHITECTURES)
        return f"{info.architecture} cannot be written as GGUF; these can: {known}."
    return config_refusal(info.config, info.architecture)


def config_refusal(config: dict[str, Any], architecture: str) -> str | None:
    """Why a model of this configuration is not what llama.cpp computes for `architecture`; None where it is."""
    known = ARCHITECTURES[architecture]
    activation = next((config[key] for key in _ACTIVATION_KEYS if config.get(key)), None)
    if activation is not None and activation not in known.activations:
        return f"llama.cpp computes {architecture} with the activation {known.activations[0]}, not {activation}."
    rope = rope_of(config)
    if (kind := rope.get("rope_type", "default")) not in _ROPE_TYPES:
        return f"llama.cpp is not given positions stretched by “{kind}”; these can be: {', '.join(_ROPE_TYPES)}."
    if kind == "yarn" and any(rope.get(key) is not None for key in _YARN_SCALES):
        return "llama.cpp derives YaRN's attention scale from its factor; this model sets one of its own."
    if rope.get("partial_rotary_factor", 1.0) != 1.0 and known.name != "phi3":
        return f"llama.cpp rotates whole heads of {architecture}, not a part of them."
    if known.fills_width and (head_width(config) or 0) * config["num_attention_heads"] != config["hidden_size"]:
        return (
            f"llama.cpp takes only as many heads of {architecture} as fill the model's width, not fewer or wider ones."
        )
    layers = config.get("no_rope_layers")
    if layers and any(bool(layer) != bool((index + 1) % _NO_ROPE_STEP) for index, layer in enumerate(layers)):
        return f"llama.cpp leaves every {_NO_ROPE_STEP}th layer of SmolLM3 without positions, this model others."
    return None


def rope_of(config: dict[str, Any]) -> dict[str, Any]:
    """How positions are encoded: `rope_parameters` as Transformers 5 writes them, or the older keys in their form."""
    if config.get("rope_parameters"):
        return dict(config["rope_parameters"])
    rope = dict(config.get("rope_scaling") or {})
    if "type" in rope:
        rope.setdefault("rope_type", rope.pop("type"))
    if config.get("rope_theta") is not None:
        rope["rope_theta"] = config["rope_theta"]
    return rope


def head_width(config: dict[str, Any]) -> int | None:
    """Numbers a head; None where the configuration does not say."""
    if config.get("head_dim"):
        return int(config["head_dim"])
    hidden, heads = (next((config[key] for key in keys if config.get(key)), None) for keys in _SIZES)
    return int(hidden) // int(heads) if hidden and heads else None


def window_of(config: dict[str, Any]) -> int | None:
    """How many tokens back some layer of the model looks at most; None where all look at everything."""
    window = config.get("sliding_window")
    if window is None or config.get("use_sliding_window") is False:
        return None
    kinds = config.get("layer_types")
    return None if kinds and "sliding_attention" not in kinds else int(window)


_SIZES = (("hidden_size", "n_embd"), ("num_attention_heads", "n_head"))
_ACTIVATION_KEYS = ("hidden_activation", "hidden_act", "activation_function")
