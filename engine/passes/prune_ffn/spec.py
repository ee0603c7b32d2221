"""What the pass that narrows feed-forward networks offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checkpoint.info import EVERY_TASK, CheckpointInfo
from engine.passes.base import PassSpec
from engine.passes.narrow import cuts
from engine.passes.narrow.cuts import NarrowOptions, Unknown, narrowed
from engine.passes.prune_ffn import layout
from engine.passes.targets import has_experts
from engine.recipe.options import Options, option
from engine.recipe.validate import Fix, Problem, set_options, without


class Neurons(Options):
    """How many go; a class of its own, so that it stands first."""

    share: float = option(
        20.0,
        "Neurons to remove",
        "The share of each layer's inner neurons that is removed: those that add least to its answer.",
        unit="%",
        gt=0.0,
        le=95.0,
    )
    multiple: int = option(
        32,
        "In steps of",
        "What stays is a multiple of this, so that groups of a later rounding and processors' registers fit.",
        unit="neurons",
        advanced=True,
        ge=1,
        le=1024,
    )


class PruneFfnOptions(NarrowOptions, Neurons):
    """How many neurons go, and how the rest is adapted."""


def left(options: PruneFfnOptions, width: int) -> int:
    """How many of `width` neurons stay: the nearest multiple, at least one."""
    return max(1, round(width * (1 - options.share / 100) / options.multiple)) * options.multiple


def check(info: CheckpointInfo, options: PruneFfnOptions, index: int) -> Iterator[Problem]:
    """Refuse models whose neurons cannot be told or described, and a share that removes none."""
    remove = Fix("Remove this pass", without(index))
    if has_experts(info):
        yield Problem(
            index,
            "stop",
            "Its layers choose among experts, each with neurons of its own: the same number cannot be taken from all.",
            remove,
        )
        return
    found = list(cuts.check_floats(info, index))
    if found:
        yield from found
        return
    try:
        layout.cuts(info, lambda width: width)
        widths = layout.widths(info).values()
    except Unknown as unknown:
        yield Problem(index, "stop", str(unknown), remove)
        return
    for width in widths:
        if left(options, width) >= width:
            most = (width - 1) // options.multiple * options.multiple  # the widest that is narrower
            step = options.multiple if most else 1
            share = round(100 * (1 - (most or width - 1) / width) + 0.05, 1)
            fix = Fix(f"Remove {share:g} %", lambda r: set_options(r, index, share=share, multiple=step))  # noqa: B023
            text = f"{options.share:g} % of {width} neurons, in steps of {options.multiple}, is none."
            yield Problem(index, "stop", text, fix)
            return


def predict(info: CheckpointInfo, options: PruneFfnOptions) -> CheckpointInfo:
    """The layout with fewer neurons in every layer."""

    def kept(width: int) -> int:
        return left(options, width)

    return narrowed(info, layout.cuts(info, kept), layout.narrower_config(info, kept))


def peak_bytes(info: CheckpointInfo, options: PruneFfnOptions) -> int:
    """As the walk through the layers takes."""
    return cuts.peak_bytes(info, options, layout.cuts(info, lambda width: width))


SPEC = PassSpec(
    name="prune_ffn",
    title="Narrow layers",
    family="structure",
    summary="Removes the inner neurons that add least, the same number in every layer, and adapts the rest.",
    options=PruneFfnOptions,
    run="engine.passes.prune_ffn.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=lambda options: f"−{options.share:g} % neurons",
    tasks=EVERY_TASK,
    must_precede=frozenset({"factor", "prune", "precision", "smooth", "quantize"}),
    needs=frozenset({"calibration"}),
    paper="FLAP: An et al. 2023, arXiv:2312.11983 (which go); ZipLM: Kurtic et al. 2023, arXiv:2302.04089, section 3.1 "
    "(what makes up for them)",
)
