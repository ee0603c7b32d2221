"""Where a model's repeated blocks are, and what its parameters are called in the checkpoint."""

from __future__ import annotations

from torch import nn

from engine.checkpoint.reader import Reader
from engine.protocol.errors import UserError


def find_blocks(model: nn.Module) -> dict[str, nn.Module]:
    """The members of every outermost list of modules, by full name, in order: decoder and encoder layers.

    Raises UserError if the model has none.
    """
    lists = [name for name, module in model.named_modules() if isinstance(module, nn.ModuleList) and len(module)]
    outer = [name for name in lists if not any(name.startswith(other + ".") for other in lists)]
    blocks = {f"{name}.{index}": model.get_submodule(f"{name}.{index}") for name in outer
              for index in range(len(model.get_submodule(name)))}  # type: ignore[arg-type]  # fmt: skip
    if not blocks:
        raise UserError(
            f"The layers of {type(model).__name__} cannot be walked one by one.",
            "Choose a model made of repeated layers, or leave out the step that measures them.",
            code="unsupported_architecture",
        )
    return blocks


def stored_name(reader: Reader, name: str, base_prefix: str) -> str | None:
    """What parameter `name` of a model is called in the checkpoint, dense or packed; None if it is not there.

    Checkpoints may have been saved with or without the head around the base model, which adds `base_prefix`.
    """
    variants = (name, name.removeprefix(f"{base_prefix}."), f"{base_prefix}.{name}")
    for variant in variants:
        legacy = variant.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        for candidate in (variant, legacy):
            if candidate in reader or f"{candidate}_packed" in reader:
                return candidate
    return None
