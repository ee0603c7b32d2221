"""What the smoothing pass offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator

from engine.calibration.options import CalibrationOptions, activation_bytes, samples
from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.limits import SHARD_BYTES
from engine.passes.base import PassSpec
from engine.passes.targets import largest_block_bytes, largest_bytes
from engine.recipe.options import option
from engine.recipe.validate import Fix, Problem, without


class SmoothOptions(CalibrationOptions):
    """How far activations are evened out, and on which text they are looked at."""

    strength: float = option(
        0.6,
        "Strength",
        "How much of the activations' unevenness moves into the weights: 0 none of it, 1 all of it.",
        ge=0.0,
        le=1.0,
    )
    samples: int = samples(4)
    tokens: int = option(
        128, "Length of a sample", "Tokens in each sample.", unit="tokens", advanced=True, ge=8, le=8192
    )


def check(info: CheckpointInfo, options: SmoothOptions, index: int) -> Iterator[Problem]:
    """Refuse weights that were rounded already."""
    if info.grids:
        text = "The weights are integers already: smoothing has to come before they are rounded."
        yield Problem(index, "stop", text, Fix("Remove this pass", without(index)))


def predict(info: CheckpointInfo, options: SmoothOptions) -> CheckpointInfo:
    """The same layout with other numbers."""
    return info


def peak_bytes(info: CheckpointInfo, options: SmoothOptions) -> int:
    """One shard waiting to be written; while measuring, embedding, two copies of a layer and activations in float32."""
    measuring = 2 * largest_bytes(info) + 4 * largest_block_bytes(info) + activation_bytes(info, options)
    return max(min(SHARD_BYTES, info.bytes), measuring)


SPEC = PassSpec(
    name="smooth",
    title="Smooth",
    family="smooth",
    summary="Evens out what layers are given, and their weights make up for it: 8-bit kernels then round less away.",
    options=SmoothOptions,
    run="engine.passes.smooth.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=lambda options: f"strength {options.strength:g}",
    tasks=frozenset(
        {"text-generation", "text2text-generation", "feature-extraction", "text-classification", "fill-mask"}
    ),
    must_precede=frozenset({"quantize"}),
    needs=frozenset({"calibration"}),
    paper="SmoothQuant: Xiao et al. 2022, arXiv:2211.10438, section 4",
)
