"""What a checkpoint is, from its headers alone: no torch, no transformers, no weights read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from engine.checkpoint import card, compact, gguf_header, headers, safety, structure, trust
from engine.checkpoint.foreign_config import describe
from engine.checkpoint.info import CheckpointInfo, Task, TensorHeader
from engine.grid.scheme import grids_of
from engine.protocol.errors import UserError

_TASKS: tuple[tuple[str, Task], ...] = (
    (r"(For(ConditionalGeneration|Seq2SeqLM|Text2TextGeneration)|MTModel)$", "text2text-generation"),
    (r"(ForCausalLM|LMHeadModel|LMHead)$", "text-generation"),
    (r"ForSequenceClassification$", "text-classification"),
    (r"ForTokenClassification$", "token-classification"),
    (r"(ForMaskedLM|ForPreTraining)$", "fill-mask"),
    (r"Model$", "feature-extraction"),
)
# What the auto class that a checkpoint's own code registers its class for says of it, the telling ones first.
_AUTO_TASKS: dict[str, Task] = {
    "AutoModelForCausalLM": "text-generation", "AutoModelForSeq2SeqLM": "text2text-generation",
    "AutoModelForSequenceClassification": "text-classification",
    "AutoModelForTokenClassification": "token-classification", "AutoModelForMaskedLM": "fill-mask",
    "AutoModel": "feature-extraction",
}  # fmt: skip
# llama.cpp's architecture -> Transformers' model_type and class, where Transformers reads the one as the other.
_GGUF: dict[str, tuple[str, str]] = {
    "llama": ("llama", "LlamaForCausalLM"), "mistral": ("mistral", "MistralForCausalLM"),
    "qwen2": ("qwen2", "Qwen2ForCausalLM"), "qwen2moe": ("qwen2_moe", "Qwen2MoeForCausalLM"),
    "qwen3": ("qwen3", "Qwen3ForCausalLM"), "qwen3moe": ("qwen3_moe", "Qwen3MoeForCausalLM"),
    "falcon": ("falcon", "FalconForCausalLM"), "phi3": ("phi3", "Phi3ForCausalLM"),
    "bloom": ("bloom", "BloomForCausalLM"), "t5": ("t5", "T5ForConditionalGeneration"),
    "stablelm": ("stablelm", "StableLmForCausalLM"), "gpt2": ("gpt2", "GPT2LMHeadModel"),
    "starcoder2": ("starcoder2", "Starcoder2ForCausalLM"), "mamba": ("mamba", "MambaForCausalLM"),
    "nemotron": ("nemotron", "NemotronForCausalLM"), "gemma2": ("gemma2", "Gemma2ForCausalLM"),
    "gemma3": ("gemma3_text", "Gemma3ForCausalLM"), "lfm2": ("lfm2", "Lfm2ForCausalLM"),
}  # fmt: skip
_HEADS = ("lm_head.weight", "cls.predictions.decoder.weight", "output.weight", "embed_out.weight")


def inspect(path: str | Path) -> CheckpointInfo:
    """The facts of the checkpoint folder or GGUF file `path`.

    Raises:
        UserError: "not_found", "not_writable" (unreadable), "not_a_checkpoint", "missing_shard", "corrupt_shard",
            "pickle_only", "unsupported_architecture" for a task that Hasten has no word for.
    """
    path = Path(path).expanduser()
    try:
        if path.is_file():
            return _gguf(path)
        if not path.is_dir():
            raise UserError(f"There is no “{path}”.", "Check the path.", where=str(path), code="not_found")
        return _folder(path)
    except PermissionError as error:
        raise UserError(
            f"“{error.filename or path}” may not be read.", "Change its permissions or choose another folder.",
            where=str(error.filename or path), code="not_writable",
        ) from error  # fmt: skip


def task_of(architecture: str, where: str = "") -> Task:
    """What a model of class `architecture` is for. Raises UserError (code "unsupported_architecture") if unknown."""
    for pattern, task in _TASKS:
        if re.search(pattern, architecture):
            return task
    raise UserError(
        f"Hasten does not handle the architecture “{architecture}”.",
        "Choose a text model: a decoder, an encoder, or a classifier of texts or tokens.",
        where=where, code="unsupported_architecture",
    )  # fmt: skip


def _own_task(config: dict[str, Any], architecture: str) -> Task | None:
    """What the checkpoint's own code offers `architecture` for; None for an architecture of Transformers."""
    if not safety.needs_code(config, architecture):
        return None
    auto_map = config["auto_map"] if isinstance(config["auto_map"], dict) else {}
    return next((_AUTO_TASKS[a] for a in _AUTO_TASKS if str(auto_map.get(a)).endswith(f".{architecture}")), None)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of `folder`, a base model's where it is nested.

    Raises UserError (code "not_a_checkpoint") when it is absent or broken.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(
            "The folder holds no config.json, so it is not a checkpoint.",
            "Choose the folder that holds config.json and the weights.", where=str(folder), code="not_a_checkpoint",
        )  # fmt: skip
    config = _json(path)
    if config is None:
        raise UserError(
            "config.json is not valid JSON.", "Download or copy it again.", where=str(path), code="not_a_checkpoint"
        )
    return structure.flat(config, str(path))


def _folder(folder: Path) -> CheckpointInfo:
    config = read_config(folder)
    tensors = tuple(tensor for file in headers.weight_files(folder) for tensor in headers.read(file))
    compacted = compact.is_compact(config)
    if compacted:
        config, tensors = compact.opened(config, tensors, str(folder))
    names = {tensor.name for tensor in tensors}
    architecture = str((config.get("architectures") or ["?"])[0])
    if architecture == "?":
        raise UserError(
            "config.json does not name an architecture.", "Add “architectures” to it, or choose another checkpoint.",
            where=str(folder / "config.json"), code="unsupported_architecture",
        )  # fmt: skip
    task = _own_task(config, architecture) or task_of(architecture, str(folder))
    model_type = structure.MODEL_TYPE if structure.low_rank(config) else str(config.get("model_type", ""))
    return CheckpointInfo(
        path=str(folder), architecture=architecture, model_type=model_type, task=task,
        config=config, tensors=tensors, grids=grids_of(config, names), tied_embeddings=_tied(config, names, task),
        licence=card.licence(folder), warnings=_warnings(folder, config, architecture, compacted), chat=_chat(folder),
    )  # fmt: skip


def _gguf(path: Path) -> CheckpointInfo:
    with path.open("rb") as file:
        if file.read(4) != gguf_header.MAGIC:
            raise UserError(
                f"“{path.name}” is neither a checkpoint folder nor a GGUF file.",
                "Choose a folder with config.json, or a .gguf file.", where=str(path), code="not_a_checkpoint",
            )  # fmt: skip
    header = gguf_header.read(path)
    if header.architecture not in _GGUF:
        raise UserError(
            f"Hasten cannot convert the GGUF architecture “{header.architecture}”.",
            "Use the model's safetensors checkpoint instead.", where=str(path), code="unsupported_architecture",
        )  # fmt: skip
    model_type, architecture = _GGUF[header.architecture]
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    vocabulary = tokens.count if isinstance(tokens, gguf_header.Length) else len(tokens or ())
    config = {
        "architectures": [architecture], "model_type": model_type, "hidden_size": header.value("embedding_length"),
        "num_hidden_layers": header.value("block_count"), "intermediate_size": header.value("feed_forward_length"),
        "num_attention_heads": header.value("attention.head_count"), "num_experts": header.value("expert_count"),
        "num_key_value_heads": header.value("attention.head_count_kv"),
        "max_position_embeddings": header.value("context_length"), "vocab_size": vocabulary or None,
    }  # fmt: skip
    tensors = tuple(
        TensorHeader(name=tensor.name, dtype=tensor.type, shape=tensor.shape, file=path.name)
        for tensor in header.tensors
    )
    return CheckpointInfo(
        path=str(path), architecture=architecture, model_type=model_type, task=task_of(architecture),
        config={key: value for key, value in config.items() if value is not None}, tensors=tensors,
        tied_embeddings=all(tensor.name != "output.weight" for tensor in tensors),
        licence=header.metadata.get("general.license"), chat="tokenizer.chat_template" in header.metadata,
        warnings=("A GGUF file is converted to a checkpoint folder before it is run.",),
    )  # fmt: skip


def _tied(config: dict[str, Any], names: set[str], task: Task) -> bool:
    if task not in ("text-generation", "fill-mask", "text2text-generation"):
        return False
    said = config.get("tie_word_embeddings")
    return bool(said) if said is not None else not any(name in names for name in _HEADS)


def _chat(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    return bool((_json(folder / "tokenizer_config.json") or {}).get("chat_template"))


def _warnings(folder: Path, config: dict[str, Any], architecture: str, compacted: bool) -> tuple[str, ...]:
    found = []
    if compacted:
        found.append("The zeros of its weights are left out; they are put back before a run.")
    if safety.needs_code(config, architecture) and trust.granted(folder):
        found.append("The checkpoint brings Python code of its own, which is run because you allowed it.")
    elif safety.carries_code(config):
        found.append("The checkpoint brings Python code of its own, which is not run.")
    foreign = describe(config)
    if foreign:
        found.append(foreign)
    if safety.is_moe(config):
        found.append("It is a mixture of experts, which can be inspected but not run.")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json")):
        found.append("The folder holds no tokenizer, so the model cannot read or write text.")
    return tuple(found)


def _json(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`; None if there is no file or it is no JSON object."""
    if not path.is_file():
        return None
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return table if isinstance(table, dict) else None
