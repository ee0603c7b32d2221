"""A GGUF file becomes a plain checkpoint folder, read through Transformers. [torch]"""

from __future__ import annotations

import importlib
import json
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.checkpoint import gguf_header
from engine.checkpoint.gguf_rope import stretched
from engine.checkpoint.older import spell_out
from engine.drafts import draft
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.room import require_memory, require_space

if TYPE_CHECKING:
    from engine.checkpoint.gguf_header import GgufHeader

# A dequantised weight is exact in fp32; above this many parameters that is too large to be useful.
_FP32_PARAMETERS = 1.5e9
# Pre-tokenisers that split digits singly before GPT-2's rule (llama.cpp, llama-vocab.cpp: "smollm" and its kin).
_SINGLE_DIGITS = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}


def convert(source: Path, destination: Path, context: StepContext) -> Path:
    """Write the GGUF file `source` as a checkpoint folder `destination` (atomically) and return it.

    Float files keep their dtype; quantised weights are dequantised to fp32, or to bf16 from 1.5 G parameters up.

    Raises:
        UserError: damaged file, architecture that Transformers cannot read from GGUF, too little disk or memory.
    """
    header = gguf_header.read(source)
    parameters = sum(math.prod(tensor.shape) for tensor in header.tensors)
    dtype = _dtype(header, parameters)
    _require_no_biases(source, header)
    rope = stretched(source, header)
    width = 4 if dtype == "float32" else 2
    require_space(destination.parent, int(parameters * width * 1.05))
    require_memory(int(parameters * (width + 4) * 1.2), f"Converting “{source.name}”")
    if dtype == "bfloat16" and _quantised(header):
        context.notice(
            "The quantised GGUF weights are large, so they were unpacked to bf16, which rounds them slightly."
        )
    context.step(0, 0, "Reading the GGUF file")
    with draft(destination) as made:
        _write(source, made, header, dtype, rope, context)
    return destination


def _write(
    source: Path, made: Path, header: GgufHeader, dtype: str, rope: dict[str, Any], context: StepContext
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging as transformers_logging

    with _quiet(transformers_logging, context):
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                source.parent, gguf_file=source.name, dtype=getattr(torch, dtype), local_files_only=True,
                quantization_config=GgufConfig(dequantize=True),
            )  # fmt: skip
        except (ValueError, KeyError, NotImplementedError) as error:
            raise UserError(
                f"Transformers cannot read the architecture “{header.architecture}” from a GGUF file.",
                "Use the model's safetensors checkpoint instead.",
                where=str(source), code="unsupported_architecture",
            ) from error  # fmt: skip
        context.step(0, 0, "Reading the tokenizer")
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
    _restore_digits(tokenizer, str(header.metadata.get("tokenizer.ggml.pre", "")))
    context.step(0, 0, "Writing the weights")

    config = type(model.config).from_dict(_clean(model.config.to_dict()))
    config.architectures = [type(model).__name__]
    if rope:
        config.rope_parameters = {**config.rope_parameters, **rope}
    # save_pretrained refuses a model that was read from GGUF, so the weights move into one made from the config.
    with torch.device("meta"):
        plain: Any = type(model)(config)
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = model.generation_config
    plain.to(dtype=getattr(torch, dtype))
    config.dtype = getattr(torch, dtype)
    with _quiet(transformers_logging, context):
        plain.save_pretrained(made)
    context.step(0, 0, "Writing the tokenizer")
    tokenizer.save_pretrained(made)
    _edit(made / "tokenizer_config.json", _plain_tokenizer(config.max_position_embeddings))
    spell_out(made)
    card = header.metadata.get("general.license")
    if card:
        (made / "README.md").write_text(f"---\nlicense: {card}\n---\n\nConverted by Hasten from `{source.name}`.\n")


def _clean(config: dict[str, Any]) -> dict[str, Any]:
    """`config` without what only the GGUF file explained, and with the decimal numbers that its float32 stood for."""
    drop = ("quantization_config", "_name_or_path", "_model_name_or_path", "transformers_version")
    kept = {key: value for key, value in config.items() if key not in drop}
    return {key: float(str(np.float32(value))) if isinstance(value, float) else value for key, value in kept.items()}


def _plain_tokenizer(context_length: int | None) -> dict[str, Any]:
    changes: dict[str, Any] = {"is_local": None, "local_files_only": None, "tokenizer_class": "PreTrainedTokenizerFast"}
    return changes | ({"model_max_length": context_length} if context_length else {})


def _edit(path: Path, changes: dict[str, Any]) -> None:
    """Update a JSON object on disk; None removes a key."""
    table = json.loads(path.read_text()) | changes
    text = json.dumps({key: value for key, value in table.items() if value is not None}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n")


def _restore_digits(tokenizer: Any, name: str) -> None:
    if name in _SINGLE_DIGITS:
        from tokenizers import pre_tokenizers

        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ])  # fmt: skip


def _require_no_biases(source: Path, header: GgufHeader) -> None:
    """Transformers leaves the biases of a Llama in GGUF out, and the model then answers something else."""
    if header.architecture == "llama" and any(tensor.name.endswith(".bias") for tensor in header.tensors):
        raise UserError(
            "Transformers does not read the biases of this GGUF file's layers.",
            "Use the model's safetensors checkpoint instead.",
            where=str(source), code="unsupported_architecture",
        )  # fmt: skip


def _quantised(header: GgufHeader) -> bool:
    return any(tensor.type not in ("F32", "F16", "BF16") for tensor in header.tensors)


def _dtype(header: GgufHeader, parameters: int) -> str:
    if _quantised(header):
        return "float32" if parameters < _FP32_PARAMETERS else "bfloat16"
    matrices = {tensor.type for tensor in header.tensors if len(tensor.shape) > 1}
    return {"F16": "float16", "BF16": "bfloat16"}.get(matrices.pop(), "float32") if len(matrices) == 1 else "float32"


@contextmanager
def _quiet(transformers_logging: Any, context: StepContext) -> Iterator[None]:
    """Without Transformers' progress bars; unpacking a tensor reports to `context`, which may cancel it."""
    # By name: Transformers' lazy package does not always carry its submodules as attributes.
    unpacking: Any = importlib.import_module("transformers.modeling_gguf_pytorch_utils")

    def reported(tensors: Any, **bar: Any) -> Iterator[Any]:
        total = len(tensors)
        for index, tensor in enumerate(tensors):
            context.step(index, total, "Unpacking the weights")
            yield tensor

    shown, bar = transformers_logging.is_progress_bar_enabled(), unpacking.tqdm
    logger = logging.getLogger("transformers")
    level = logger.level
    transformers_logging.disable_progress_bar()
    logger.setLevel(logging.ERROR)
    unpacking.tqdm = reported
    try:
        yield
    finally:
        unpacking.tqdm = bar
        logger.setLevel(level)
        if shown:
            transformers_logging.enable_progress_bar()
