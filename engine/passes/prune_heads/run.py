"""Run the pass that removes attention heads."""

from __future__ import annotations

from engine.passes.base import Facts, PassContext
from engine.passes.narrow.work import narrow
from engine.passes.prune_heads import layout
from engine.passes.prune_heads.spec import PruneHeadsOptions


def run(context: PassContext) -> Facts:
    """Remove heads. Raises UserError where the model cannot be narrowed so, Cancelled when asked to stop."""
    options: PruneHeadsOptions = context.options
    heads = layout.heads_of(context.info)
    left = heads.units - options.groups
    narrow(context, layout.cuts(context.info, left), layout.fewer_config(context.info, left))
    return {
        "query heads of a layer": f"{heads.queries} → {left * heads.together}",
        "key-value heads of a layer": f"{heads.keys} → {1 if heads.shared else left}",
    }
