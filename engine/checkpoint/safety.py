"""What Hasten refuses, by name: code that a checkpoint brings along, and architectures it cannot run. Free of torch."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from engine.checkpoint import trust
from engine.checkpoint.info import CheckpointInfo
from engine.protocol.errors import UserError

# State-space and recurrent models keep a running state instead of a KV cache, which the runtimes hold.
_RECURRENT = {
    "mamba", "mamba2", "falcon_mamba", "rwkv", "jamba", "bamba", "zamba", "zamba2", "recurrent_gemma", "xlstm",
    "falcon_h1", "granitemoehybrid", "nemotron_h", "lfm2", "qwen3_next", "qwen3_5", "qwen3_5_text",
}  # fmt: skip
# Encoder-decoders from text to text. Others of the kind read sound or pictures, or cache in a way of their own.
TEXT_TO_TEXT = frozenset({"t5", "mt5", "bart", "mbart", "marian", "pegasus", "m2m_100"})
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts")


def carries_code(config: dict[str, Any]) -> bool:
    """Whether config.json points at Python files of the checkpoint (auto_map)."""
    return bool(config.get("auto_map"))


def is_moe(config: dict[str, Any]) -> bool:
    """Whether the model routes tokens to experts."""
    counts = (source.get(key) for source in (config, config.get("text_config") or {}) for key in _EXPERTS)
    return any(isinstance(count, list) or (isinstance(count, int) and count > 1) for count in counts)


def known_to_transformers(architecture: str) -> bool:
    """Whether the installed Transformers has the class `architecture`, judged by its own table's text."""
    return f'"{architecture}"' in _table()


def needs_code(config: dict[str, Any], architecture: str) -> bool:
    """Whether `architecture` exists only as Python code that config.json points at."""
    return carries_code(config) and not known_to_transformers(architecture)


def class_reference(config: dict[str, Any], architecture: str) -> str | None:
    """Where a checkpoint's own code has the class `architecture`: "module.Class" of auto_map; None if nowhere."""
    auto_map = config.get("auto_map")
    values = auto_map.values() if isinstance(auto_map, dict) else ()
    return next((value for value in values if isinstance(value, str) and value.endswith(f".{architecture}")), None)


def runs_own_code(config: dict[str, Any], folder: Path) -> bool:
    """Whether opening the checkpoint in `folder` runs code that it brings along.

    Raises UserError (see require_trusted) when it would and the user has not allowed it.
    """
    architecture = str((config.get("architectures") or ["?"])[0])
    require_trusted(config, architecture, str(folder))
    return needs_code(config, architecture)


def require_supported(info: CheckpointInfo) -> None:
    """Raise a UserError that names what is wrong when runs and comparisons cannot handle `info`.

    Raises:
        UserError: "remote_code" for an architecture that only the checkpoint's own code defines, unless allowed;
            "unsupported_architecture" for mixtures of experts, multimodal and recurrent models, encoder-decoders
            beyond T5's and BART's kin, and classes that the installed Transformers does not have.
    """
    config, where = info.config, info.path
    require_trusted(config, info.architecture, where)
    if not known_to_transformers(info.architecture) and class_reference(config, info.architecture) is None:
        _refuse(f"The installed Transformers has no architecture “{info.architecture}”", where)
    if config.get("vision_config") or config.get("audio_config"):
        _refuse(f"“{info.architecture}” also takes images or sound, and Hasten handles text models", where)
    both = config.get("is_encoder_decoder") or info.task == "text2text-generation"
    if both and (info.base_type not in TEXT_TO_TEXT or info.task != "text2text-generation"):
        _refuse(
            f"“{info.architecture}” ({info.base_type}) is an encoder-decoder of a kind that does not run here", where
        )
    if is_moe(config):
        _refuse(f"“{info.architecture}” ({info.model_type}) is a mixture of experts", where)
    if info.base_type in _RECURRENT:
        _refuse(f"“{info.architecture}” ({info.model_type}) keeps a recurrent state instead of a KV cache", where)


def require_trusted(config: dict[str, Any], architecture: str, where: str) -> None:
    """Pass a model that needs no code of the checkpoint in the folder `where`, or whose code the user has allowed.

    Raises UserError: "remote_code" when the user has not; "unsupported_architecture" when there is no code to allow.
    """
    folder = Path(where)
    if not needs_code(config, architecture) or trust.granted(folder):
        return
    if not trust.own_code(folder):
        raise trust.no_code(folder)
    raise UserError(
        f"“{architecture}” exists only as Python code inside the checkpoint, which could do anything; it was not run.",
        "If you know and trust who wrote it, allow it: “Trust this code…” in the window when a run stops here, or "
        "“hasten run … --trust-remote-code”. Otherwise choose a model whose architecture is part of Transformers.",
        where=where, code="remote_code",
    )  # fmt: skip


def _refuse(cause: str, where: str) -> None:
    raise UserError(
        f"{cause}.",
        "Choose a dense text model: a decoder such as Llama, Qwen or GPT-2, an encoder such as BERT, or an "
        "encoder-decoder such as T5.",
        where=where, code="unsupported_architecture",
    )  # fmt: skip


@cache
def _table() -> str:
    # The text is read, not imported: importing it would load torch.
    found = importlib.util.find_spec("transformers")
    if found is None or not found.submodule_search_locations:
        raise UserError("Transformers is not installed.", "Run “python3 start.py setup”.", code="runtime_unavailable")
    return (Path(found.submodule_search_locations[0]) / "models" / "auto" / "modeling_auto.py").read_text("utf-8")
