"""A pickle-only checkpoint becomes safetensors without unpickling anything but tensors. [torch]"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from engine.checkpoint.headers import pickle_files
from engine.checkpoint.inspect import read_config
from engine.drafts import draft
from engine.links import checkpoint_files, link_or_copy
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.room import require_space

if TYPE_CHECKING:
    from torch import Tensor

_HEADS = ("lm_head.weight", "cls.predictions.decoder.weight", "embed_out.weight", "output.weight")


def convert(source: Path, destination: Path, context: StepContext) -> Path:
    """Write the pickled weights of folder `source` as a safetensors checkpoint `destination` (atomically).

    The pickle is read by torch's weights-only unpickler, which knows tensors and plain containers and runs no code.

    Raises:
        UserError: "pickle_only" when it holds anything else; "corrupt_shard" when it cannot be read.
    """
    from huggingface_hub import save_torch_state_dict

    read_config(source)
    files = _wanted(source)
    require_space(destination.parent, int(sum(file.stat().st_size for file in files) * 1.02))
    weights: dict[str, Tensor] = {}
    for index, file in enumerate(files):
        context.step(index, len(files) + 1, f"Reading {file.name}")
        weights.update(_load(file))
    context.step(len(files), len(files) + 1, "Writing safetensors")
    with draft(destination) as made:
        save_torch_state_dict(weights, made, max_shard_size="2GB", shared_tensors_to_discard=_aliases(weights))
        for name in checkpoint_files(source):
            if name.suffix != ".safetensors" and not name.name.endswith(".index.json"):
                link_or_copy(source / name, made / name)
    context.step(1, 1, "Written")
    return destination


def _wanted(source: Path) -> list[Path]:
    index = source / "pytorch_model.bin.index.json"
    if not index.is_file():
        return pickle_files(source)[:1]
    files = [
        source / name for name in sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    ]
    for file in files:
        if file.parent != source or not file.is_file():
            raise UserError(
                f"The weight file “{file.name}” is missing.", "Download or copy the checkpoint again.",
                where=str(file), code="missing_shard",
            )  # fmt: skip
    return files


def _load(file: Path) -> dict[str, Tensor]:
    import torch

    try:
        table = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"“{file.name}” holds more than tensors, so it cannot be converted without running its code.",
            "Ask its authors for safetensors, or use another copy of the model.", where=str(file), code="pickle_only",
        ) from error  # fmt: skip
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise UserError(
            f"“{file.name}” is damaged or cut short.", "Download it again.", where=str(file), code="corrupt_shard"
        ) from error
    if isinstance(table, dict) and isinstance(table.get("state_dict"), dict):
        table = table["state_dict"]
    if not isinstance(table, dict) or not all(isinstance(value, torch.Tensor) for value in table.values()):
        raise UserError(
            f"“{file.name}” is not a table of weights.", "Use another copy of the model.",
            where=str(file), code="pickle_only",
        )  # fmt: skip
    return {str(name): tensor for name, tensor in table.items()}


def _aliases(weights: dict[str, Tensor]) -> list[str]:
    """Heads that are the embedding once more: they stay tied by the configuration instead of being stored twice."""
    places = {name: (tensor.data_ptr(), tensor.shape) for name, tensor in weights.items()}
    others = {place for name, place in places.items() if name not in _HEADS}
    return [name for name in _HEADS if name in places and places[name] in others]
