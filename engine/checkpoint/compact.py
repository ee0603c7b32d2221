"""Checkpoints that leave zeros out: how their files are laid out. No torch.

A weight NAME of which many numbers are zero lies there as `NAME.bitmask`, uint8 [⌈N/8⌉]: one bit for each of its N
numbers in order, the lowest bit of a byte first, 1 where the number is stored; and `NAME.stored` [S], those numbers in
order, in their own type. Only numbers whose bits are all 0 are left out (a negative zero is stored): nothing is lost.
Other tensors lie there as they are. config.json says

    {"model_type": "hasten-compact", "architectures": […], "base_config": {…}, "shapes": {NAME: [O, I], …}}

Its model type makes every plain loader refuse the folder, which would otherwise fill the missing weights with random
numbers. (compressed-tensors has had a format of this kind, and no longer reads it.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.checkpoint.info import TensorHeader
from engine.protocol.errors import UserError

MODEL_TYPE = "hasten-compact"
BITMASK, STORED = ".bitmask", ".stored"


def is_compact(config: dict[str, Any]) -> bool:
    """Whether `config` (config.json) is that of a checkpoint without its zeros."""
    return config.get("model_type") == MODEL_TYPE


def compact_config(config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """config.json for the checkpoint of `config`, whose tensors `shapes` lie there without their zeros."""
    return {
        "model_type": MODEL_TYPE,
        "architectures": config.get("architectures"),
        "base_config": config,
        "shapes": {name: list(shape) for name, shape in shapes.items()},
    }


def opened(
    config: dict[str, Any], tensors: Iterable[TensorHeader], where: str
) -> tuple[dict[str, Any], tuple[TensorHeader, ...]]:
    """Configuration and headers as they are once the zeros are back. Raises UserError where parts are missing."""
    shapes = config.get("shapes")
    base = config.get("base_config")
    if not isinstance(shapes, dict) or not isinstance(base, dict):
        raise _damaged("config.json", where)
    found = []
    there = {tensor.name for tensor in tensors}
    for tensor in tensors:
        name = tensor.name.removesuffix(STORED)
        if name in shapes and name != tensor.name:
            if name + BITMASK not in there:
                raise _damaged(name, where)
            found.append(tensor.model_copy(update={"name": name, "shape": tuple(shapes[name])}))
        elif tensor.name.removesuffix(BITMASK) not in shapes:
            found.append(tensor)
    if missing := shapes.keys() - {tensor.name for tensor in found}:
        raise _damaged(min(missing), where)
    return base, tuple(found)


def _damaged(what: str, where: str) -> UserError:
    return UserError(
        f"The compact checkpoint is damaged: “{what}” is incomplete.",
        "Copy the folder again, or export it again.",
        where=where,
        code="corrupt_shard",
    )
