"""The TensorRT runtime as data."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Literal

from engine.checkpoint import structure
from engine.checkpoint.info import CheckpointInfo, GridScheme
from engine.checkpoint.safety import needs_code
from engine.recipe.options import Options, option
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import Fix, Problem, retarget, set_options
from engine.runtimes.base import Availability, RuntimeSpec
from engine.runtimes.refusals import absent, build_limits, stop
from engine.runtimes.tensorrt.forecast import weight_bytes
from engine.runtimes.tensorrt.limits import nearest_group, refused
from engine.runtimes.text2text_layout import TEXT2TEXT
from engine.runtimes.torch_family import TASKS, torch_availability

_BUILD_PACKAGES = ("onnx", "onnx_ir", "onnxscript")


class TensorRTOptions(Options):
    """What the engine is made for."""

    precision: Literal["automatic", "bfloat16", "float16", "float32"] = option(
        "automatic",
        "Precision",
        "The number format of the layers without integers; automatic keeps the checkpoint's own, layer by layer.",
    )
    context: int = option(
        1024,
        "Longest text",
        "Prompt and answer together may be this long, in an encoder-decoder each.",
        unit="tokens",
        ge=128,
        le=131072,
    )
    batch: int = option(1, "Texts at once", "The engine answers up to this many texts together.", ge=1, le=64)
    workspace: int = option(
        0, "Workspace", "Memory that TensorRT may try kernels with; 0 is all there is.", unit="MiB", ge=0, advanced=True
    )
    effort: int = option(
        3, "Effort", "How long TensorRT looks for the fastest kernels; 5 takes much longer.", ge=0, le=5, advanced=True
    )


@cache
def availability() -> Availability:
    """TensorRT needs its Python package, an NVIDIA GPU and a torch that computes on it."""
    if importlib.util.find_spec("tensorrt") is None:
        return Availability(
            False,
            reason="tensorrt is not installed.",
            remedy="On a machine with an NVIDIA GPU, run “pip install hasten[tensorrt]”.",
        )
    if "cuda" not in torch_availability().devices:
        return Availability(
            False,
            reason="no NVIDIA GPU was found that torch computes on.",
            remedy="Use a machine with an NVIDIA GPU, or choose another runtime.",
        )
    limits = build_limits("TensorRT", absent(_BUILD_PACKAGES))
    return Availability(True, ("cuda",), importlib.metadata.version("tensorrt"), limits=limits)


def _check(info: CheckpointInfo, options: TensorRTOptions, target: Target) -> Iterable[Problem]:
    if limits := build_limits("TensorRT", absent(_BUILD_PACKAGES)):
        yield stop(limits)
    if target.device != "cuda":
        yield stop("TensorRT computes on NVIDIA GPUs only.", Fix("Use CUDA", lambda r: retarget(r, device="cuda")))
    if target.split != "none":
        yield stop("TensorRT keeps a model on one GPU.", Fix("Do not split", lambda r: retarget(r, split="none")))
    to_transformers = Fix("Use Transformers", lambda r: retarget(r, runtime="transformers", options={}))
    if info.model_type == structure.MODEL_TYPE:
        yield stop("TensorRT is not built from shared or low-rank layers here.", to_transformers)
    elif needs_code(info.config, info.architecture):
        yield stop("TensorRT is not built from an architecture that is the checkpoint's own code.", to_transformers)
    elif info.task == "text2text-generation" and info.model_type not in TEXT2TEXT:
        known = ", ".join(sorted(TEXT2TEXT))
        yield stop(
            f"{info.model_type} models have no TensorRT graph; of the encoder-decoders these have: {known}.",
            to_transformers,
        )
    half = options.precision == "float16" or (options.precision == "automatic" and "F16" in info.bytes_by_dtype)
    if half and info.model_type in ("bart", "marian"):
        yield stop(
            f"{info.model_type} models have no TensorRT graph in float16: their encoder branches on its own values.",
            Fix("Use bfloat16", lambda r: set_options(r, None, precision="bfloat16")),
        )
    yield from _grids(info)


def _grids(info: CheckpointInfo) -> Iterator[Problem]:
    for scheme in info.grids:
        reason = refused(scheme)
        if reason:
            yield stop(f"{reason}.", _quantize_fix(scheme))
    if any(scheme.bits > 4 for scheme in info.grids):
        yield Problem(
            None, "note", "TensorRT's weight-only kernels are for 4 bits: it may unpack 8-bit weights while it builds."
        )


def _quantize_fix(scheme: GridScheme) -> Fix:
    """Give every quantize card that makes `scheme` the nearest grid that TensorRT holds."""
    group = nearest_group(scheme)

    def apply(recipe: Recipe) -> Recipe:
        own = "row" if scheme.group_size is None else scheme.group_size
        for index, entry in enumerate(recipe.passes):
            options = entry.options
            made = (options.get("bits", 8), options.get("head", "keep"))
            if entry.name == "quantize" and scheme.bits in made and options.get("group_size", 32) == own:
                recipe = set_options(recipe, index, symmetric=True, group_size=group)
        return recipe

    words = "one scale a row" if group == "row" else f"groups of {group}"
    return Fix(f"Quantise symmetrically with {words}", apply)


SPEC = RuntimeSpec(
    name="tensorrt",
    title="TensorRT",
    summary="An engine compiled for this machine's NVIDIA GPU, with 8- or 4-bit weights; minutes to build.",
    options=TensorRTOptions,
    availability=availability,
    check=_check,
    build="engine.runtimes.tensorrt.lower:build",
    open="engine.runtimes.tensorrt.session:open_session",
    tasks=TASKS | {"text2text-generation"},
    # the torch model, the graph's weights, and TensorRT's own copy of them
    peak_bytes=lambda info, options: 4 * info.parameters + 3 * weight_bytes(info, options),
    artefact_bytes=weight_bytes,
    weight_bytes=weight_bytes,
    extra="tensorrt",
    version=3,
)
