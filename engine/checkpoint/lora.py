"""A LoRA folder is merged onto its base model: W + (alpha / r) B A (Hu et al. 2021, arXiv:2106.09685). [torch, peft]"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from engine.checkpoint import trust
from engine.checkpoint.headers import read
from engine.checkpoint.older import spell_out
from engine.drafts import draft
from engine.links import link_or_copy
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.room import require_space

CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_TOKENIZER = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "chat_template.jinja",
    "added_tokens.json",
)


def is_adapter(folder: Path) -> bool:
    """Whether `folder` holds an adapter rather than a whole model."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def base_reference(folder: Path) -> str:
    """The base model that the adapter names: a folder (made absolute) or a hub id.

    Raises:
        UserError: not a LoRA adapter for a plain language model, its weights missing, or no base named.
    """
    config = _config(folder)
    kind, task = config.get("peft_type"), config.get("task_type")
    if kind != "LORA" or task not in (None, "CAUSAL_LM", "FEATURE_EXTRACTION"):
        raise UserError(
            f"The adapter is of kind {kind} for {task}, and Hasten merges LoRA adapters of causal language models.",
            "Merge it with PEFT yourself and open the merged folder.",
            where=str(folder), code="unsupported_architecture",
        )  # fmt: skip
    if not (folder / _WEIGHTS).is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        raise UserError(
            "The adapter's weights are a pickle, which can run code when opened." if pickled
            else f"The adapter's weights ({_WEIGHTS}) are missing.",
            "Save the adapter again as safetensors.", where=str(folder),
            code="pickle_only" if pickled else "missing_shard",
        )  # fmt: skip
    read(folder / _WEIGHTS)
    base = str(config.get("base_model_name_or_path") or "")
    if not base:
        raise UserError(
            f"{CONFIG} does not name the base model.", "Set base_model_name_or_path in it.",
            where=str(folder / CONFIG), code="not_a_checkpoint",
        )  # fmt: skip
    for candidate in (Path(base).expanduser(), folder / base):
        if candidate.exists():
            if candidate.resolve() == folder.resolve():
                raise UserError(
                    f"{CONFIG} names the adapter itself as its base model.", "Set base_model_name_or_path in it.",
                    where=str(folder / CONFIG), code="not_a_checkpoint",
                )  # fmt: skip
            return str(candidate.resolve())
    return base


def merge(folder: Path, base: Path, destination: Path, context: StepContext) -> Path:
    """Write base + adapter as the plain checkpoint `destination` (atomically), in the base's dtype.

    Raises:
        UserError: the adapter does not fit its base.
    """
    from peft import PeftModel

    from engine.checkpoint.load import load_model

    require_space(destination.parent, int(sum(file.stat().st_size for file in base.glob("*.safetensors")) * 1.1))
    context.step(0, 3, "Reading the base model")
    model = load_model(base)
    context.step(1, 3, "Merging the adapter")
    targets = _adapted(folder)
    modules = {name for name, _ in model.named_modules()}
    if not any(name.endswith(target) for target in targets for name in modules):
        raise UserError(
            "The adapter changes none of its base model's layers.", "Check that the base model is the right one.",
            where=str(folder), code="corrupt_shard",
        )  # fmt: skip
    try:
        merged = PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"The adapter does not fit its base model: {str(error).splitlines()[0].rstrip('.')}.",
            "Check that the base model is the right one.", where=str(folder), code="corrupt_shard",
        ) from error  # fmt: skip
    context.step(2, 3, "Writing the merged model")
    with draft(destination) as made:
        merged.save_pretrained(made)
        spell_out(made)
        _copy(base, made, (*_TOKENIZER, "generation_config.json", "README.md", "LICEN*"))
        _copy(folder, made, _TOKENIZER)
        for file in trust.code_files(base) if trust.granted(base) else ():  # all of it, as it was allowed
            (made / file.name).unlink(missing_ok=True)
            link_or_copy(file, made / file.name)
    context.step(3, 3, "Merged")
    return destination


def _config(folder: Path) -> dict[str, Any]:
    try:
        table = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        if isinstance(table, dict):
            return table
    except ValueError:
        pass
    raise UserError(
        f"{CONFIG} is not valid JSON.",
        "Download or copy it again.",
        where=str(folder / CONFIG),
        code="not_a_checkpoint",
    )


def _adapted(folder: Path) -> set[str]:
    names = [header.name for header in read(folder / _WEIGHTS)]
    found = (re.match(r"base_model\.model\.(.+)\.lora_", name) for name in names)
    return {match.group(1) for match in found if match}


def _copy(source: Path, target: Path, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        for file in source.glob(pattern):
            if file.is_file() and file.suffix not in (".py", ".bin"):
                (target / file.name).unlink(missing_ok=True)
                link_or_copy(file, target / file.name)
