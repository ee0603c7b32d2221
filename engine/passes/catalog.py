"""All passes, in the order in which the editor offers them. ADD A PASS: one folder, one line here."""

from __future__ import annotations

from functools import cache

from engine.catalogue import resolve
from engine.passes.base import PassSpec
from engine.protocol.errors import UserError

ENTRIES: tuple[str, ...] = (
    "engine.passes.prune_depth.spec:SPEC",
    "engine.passes.prune_ffn.spec:SPEC",
    "engine.passes.prune_heads.spec:SPEC",
    "engine.passes.prune_vocabulary.spec:SPEC",
    "engine.passes.low_rank.spec:SPEC",
    "engine.passes.prune_magnitude.spec:SPEC",
    "engine.passes.mixed_precision.spec:SPEC",
    "engine.passes.smooth.spec:SPEC",
    "engine.passes.quantize.spec:SPEC",
)


@cache
def all_passes() -> dict[str, PassSpec]:
    """Every pass by name."""
    specs = [resolve(entry, PassSpec) for entry in ENTRIES]
    return {spec.name: spec for spec in specs}


def get(name: str) -> PassSpec:
    """The pass called `name`. Raises UserError listing the known ones."""
    try:
        return all_passes()[name]
    except KeyError:
        raise UserError(
            f"There is no pass “{name}”.", f"Use one of: {', '.join(all_passes())}.", where=name, code="bad_recipe"
        ) from None
