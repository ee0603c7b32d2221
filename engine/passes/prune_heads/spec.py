"""What the pass that removes attention heads offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checkpoint.info import CheckpointInfo
from engine.passes.base import PassSpec
from engine.passes.narrow import cuts
from engine.passes.narrow.cuts import NarrowOptions, Unknown, narrowed
from engine.passes.prune_heads import layout
from engine.recipe.options import Options, option
from engine.recipe.validate import Fix, Problem, set_options, without


class Groups(Options):
    """How many go; a class of its own, so that it stands first."""

    groups: int = option(
        1,
        "Groups of heads to remove",
        "How many go from each layer: a group is a head of keys and values with all query heads that read it.",
        ge=1,
        le=512,
    )


class PruneHeadsOptions(NarrowOptions, Groups):
    """How many heads go, and how the rest is adapted."""


def check(info: CheckpointInfo, options: PruneHeadsOptions, index: int) -> Iterator[Problem]:
    """Refuse models whose configuration cannot say that there are fewer heads, and numbers that do not fit."""
    remove = Fix("Remove this pass", without(index))
    found = list(cuts.check_floats(info, index))
    if found:
        yield from found
        return
    try:
        heads = layout.heads_of(info)
        layout.cuts(info, heads.units)
    except Unknown as unknown:
        yield Problem(index, "stop", str(unknown), remove)
        return
    left = heads.units - options.groups
    if heads.fits(left):
        return
    fitting = sorted((abs(kept - left), -kept) for kept in range(1, heads.units) if heads.fits(kept))
    fix = remove
    if fitting:
        groups = heads.units + fitting[0][1]
        fix = Fix(f"Remove {groups}", lambda r: set_options(r, index, groups=groups))
    if left < 1:
        text = f"{options.groups} cannot go: a layer has {heads.units}, and one has to stay."
    else:
        queries = left * heads.together
        text = f"{queries} query heads would be left; Transformers takes only numbers that divide {heads.hidden}."
    yield Problem(index, "stop", text, fix)


def predict(info: CheckpointInfo, options: PruneHeadsOptions) -> CheckpointInfo:
    """The layout with fewer heads in every layer."""
    left = layout.heads_of(info).units - options.groups
    return narrowed(info, layout.cuts(info, left), layout.fewer_config(info, left))


def peak_bytes(info: CheckpointInfo, options: PruneHeadsOptions) -> int:
    """As the walk through the layers takes."""
    return cuts.peak_bytes(info, options, layout.cuts(info, layout.heads_of(info).units))


SPEC = PassSpec(
    name="prune_heads",
    title="Remove heads",
    family="structure",
    summary="Removes the attention heads that add least, the same number in every layer, and adapts the rest.",
    options=PruneHeadsOptions,
    run="engine.passes.prune_heads.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=lambda options: f"−{options.groups} group{'s' if options.groups > 1 else ''} of heads",
    tasks=frozenset({"text-generation", "feature-extraction", "text-classification", "token-classification"}),
    refusals={
        "text2text-generation": "The configuration of an encoder-decoder cannot say that there are fewer heads of the "
        "same size.",
        "fill-mask": "The configuration of such an encoder cannot say that there are fewer heads of the same size.",
    },
    must_precede=frozenset({"factor", "prune", "precision", "smooth", "quantize"}),
    needs=frozenset({"calibration"}),
    paper="FLAP: An et al. 2023, arXiv:2312.11983 (groups of heads); ZipLM: Kurtic et al. 2023, arXiv:2302.04089, "
    "section 3.1 (what makes up for them)",
)
