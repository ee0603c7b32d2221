"""Run the pass that narrows feed-forward networks."""

from __future__ import annotations

from engine.passes.base import Facts, PassContext
from engine.passes.narrow.work import narrow
from engine.passes.prune_ffn import layout
from engine.passes.prune_ffn.spec import PruneFfnOptions, left


def run(context: PassContext) -> Facts:
    """Remove neurons. Raises UserError where the model cannot be narrowed so, Cancelled when asked to stop."""
    options: PruneFfnOptions = context.options

    def kept(width: int) -> int:
        return left(options, width)

    cuts = layout.cuts(context.info, kept)
    narrow(context, cuts, layout.narrower_config(context.info, kept))
    widths = dict.fromkeys(f"{cut.units} → {cut.kept}" for cut in cuts)
    return {"neurons of a layer": ", ".join(widths), "layers": len(cuts)}
