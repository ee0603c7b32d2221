"""All export formats, in the order in which they are offered. ADD A FORMAT: one file, one line here."""

from __future__ import annotations

from functools import cache

from engine.catalogue import resolve
from engine.export.base import FormatSpec
from engine.protocol.errors import UserError

ENTRIES: tuple[str, ...] = (
    "engine.export.specs:CHECKPOINT",
    "engine.export.specs:DENSE",
    "engine.export.specs:COMPACT",
    "engine.export.specs:RUNTIME",
    "engine.export.specs:GGUF",
    "engine.export.specs:EXPORTED",
    "engine.export.specs:COMPILED",
    "engine.export.specs:EXECUTORCH",
    "engine.export.specs:GRAPH",
    "engine.export.specs:RECIPE",
    "engine.export.specs:SCRIPT",
    "engine.export.specs:REPORT",
    "engine.export.specs:PDF",
    "engine.export.specs:FIGURES",
    "engine.export.specs:TABLE",
    "engine.export.specs:TENSORBOARD",
    "engine.export.specs:WANDB",
)


@cache
def all_formats() -> dict[str, FormatSpec]:
    """Every format by name."""
    specs = [resolve(entry, FormatSpec) for entry in ENTRIES]
    return {spec.name: spec for spec in specs}


def get(name: str) -> FormatSpec:
    """The format called `name`. Raises UserError listing the known ones."""
    try:
        return all_formats()[name]
    except KeyError:
        raise UserError(
            f"There is no export format “{name}”.", f"Use one of: {', '.join(all_formats())}.", where=name
        ) from None
