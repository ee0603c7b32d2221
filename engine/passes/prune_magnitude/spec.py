"""What the pruning pass offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from engine.calibration.options import CalibrationOptions, damping, samples
from engine.checkpoint.info import EVERY_TASK, CheckpointInfo, TensorHeader
from engine.checkpoint.limits import SHARD_BYTES
from engine.passes.base import PassSpec
from engine.passes.targets import (
    chosen,
    largest_bytes,
    linears,
    module_of,
    moment_bytes,
    stores_inputs_first,
    walk_bytes,
)
from engine.recipe.options import OnlyWith, option
from engine.recipe.validate import Fix, Problem, set_options, without


class PruneMagnitudeOptions(CalibrationOptions):
    """Which weights become zero."""

    only_with: ClassVar[OnlyWith] = {
        **dict.fromkeys(CalibrationOptions.model_fields, ("method", ("wanda", "sparsegpt"))),
        "damping": ("method", ("sparsegpt",)),
        "scope": ("method", ("magnitude",)),
        "sparsity": ("structure", ("free",)),
        **dict.fromkeys(("keep", "group"), ("structure", ("n:m",))),
    }
    method: Literal["magnitude", "wanda", "sparsegpt"] = option(
        "magnitude",
        "Method",
        "“magnitude” needs no text; “wanda” and “sparsegpt” let the model read one and keep what its answers need, and "
        "“sparsegpt” also adjusts the weights that stay.",
    )
    structure: Literal["free", "n:m"] = option(
        "free",
        "Structure",
        "“free” removes the least important weights wherever they are; “n:m” keeps n of every m neighbours.",
    )
    sparsity: float = option(
        30.0, "Weights set to zero", "The share of the weights that is removed.", unit="%", ge=0.0, le=99.0
    )
    scope: Literal["layer", "global"] = option(
        "layer",
        "Compare within",
        "“layer” removes the same share of every layer; “global” takes the smallest weights of the whole model.",
    )
    keep: int = option(2, "Kept of each group (n)", "Weights that stay in every group of m.", ge=1, le=64)
    group: int = option(4, "Group (m)", "Neighbouring weights of a row that form a group.", ge=2, le=128)
    damping: float = damping()
    samples: int = samples(64)
    include: tuple[str, ...] = option(
        (), "Only these layers", "Patterns such as *.mlp.*; left empty, every linear layer of every block is pruned."
    )
    exclude: tuple[str, ...] = option((), "Leave out", "Patterns of layers that stay as they are.", advanced=True)

    @property
    def pattern(self) -> tuple[int, int] | None:
        """n and m of a fixed pattern; None: a free choice."""
        return (self.keep, self.group) if self.structure == "n:m" else None


def selected(info: CheckpointInfo, options: PruneMagnitudeOptions) -> list[TensorHeader]:
    """The weights that the pass prunes."""
    return [t for t in linears(info) if chosen(module_of(t), options.include, options.exclude)]


def check(info: CheckpointInfo, options: PruneMagnitudeOptions, index: int) -> Iterator[Problem]:
    """Refuse an empty choice and patterns that do not fit; tell that zeros alone save nothing."""
    targets = selected(info, options)
    if not targets:
        if linears(info):
            every = Fix("Choose all layers", lambda r: set_options(r, index, include=[], exclude=[]))
            yield Problem(index, "stop", "No layer is chosen.", every)
        else:
            text = "No layer is left to prune: the weights are integers already."
            yield Problem(index, "stop", text, Fix("Remove this pass", without(index)))
        return
    if options.structure == "n:m":
        if options.keep >= options.group:
            fix = Fix("Use 2:4", lambda r: set_options(r, index, keep=2, group=4))
            yield Problem(index, "stop", f"Keeping {options.keep} of {options.group} removes nothing.", fix)
            return
        axis = 0 if stores_inputs_first(info) else 1
        wrong = next((t for t in targets if t.shape[axis] % options.group), None)
        if wrong is not None:
            best = next((m for m in (8, 4, 2) if all(t.shape[axis] % m == 0 for t in targets)), None)
            smaller = (
                None
                if best is None
                else Fix(f"Use {best // 2}:{best}", lambda r: set_options(r, index, keep=best // 2, group=best))
            )
            text = f"Groups of {options.group} do not divide the width {wrong.shape[axis]} of {module_of(wrong)}."
            yield Problem(index, "stop", text, smaller)
            return
    yield Problem(
        index, "note", "Zeros speed up no target, as they are computed too; the export “Compact checkpoint” omits them."
    )


def predict(info: CheckpointInfo, options: PruneMagnitudeOptions) -> CheckpointInfo:
    """The same layout: zeros are stored densely."""
    return info


def peak_bytes(info: CheckpointInfo, options: PruneMagnitudeOptions) -> int:
    """One shard waiting to be written, and the largest weight with its magnitudes, ranks and mask.

    With calibration text, what a walk needs as well; for SparseGPT, the second moments of inputs and their factors.
    """
    targets = selected(info, options)
    largest = max((t.elements for t in targets), default=0)
    peak = min(SHARD_BYTES, info.bytes) + largest_bytes(info) + 16 * largest
    if options.method == "magnitude":
        return peak
    if options.method == "sparsegpt":
        axis = 0 if stores_inputs_first(info) else 1
        peak += moment_bytes({t.shape[axis] for t in targets})
    return peak + walk_bytes(info, options)


def glyph(options: PruneMagnitudeOptions) -> str:
    """“30 % zeros”, “2:4”, “2:4 wanda”."""
    method = "" if options.method == "magnitude" else f" {options.method}"
    return (f"{options.keep}:{options.group}" if options.pattern else f"{options.sparsity:g} % zeros") + method


SPEC = PassSpec(
    name="prune_magnitude",
    title="Prune weights",
    family="prune",
    summary="Sets the least important weights to zero, freely or in a fixed pattern such as 2:4.",
    options=PruneMagnitudeOptions,
    run="engine.passes.prune_magnitude.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=glyph,
    tasks=EVERY_TASK,
    must_precede=frozenset({"quantize"}),
    needs=frozenset({"calibration"}),
    repeatable=True,
    paper="Han et al. 2015, arXiv:1506.02626, section 3; n:m: Mishra et al. 2021, arXiv:2104.08378, section 3; wanda: "
    "Sun et al. 2023, arXiv:2306.11695, section 3; sparsegpt: Frantar & Alistarh 2023, arXiv:2301.00774, section 3",
)
