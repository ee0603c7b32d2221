"""The OpenVINO runtime as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from engine import hardware, intel
from engine.checkpoint import structure
from engine.checkpoint.info import CheckpointInfo, Task
from engine.checkpoint.safety import needs_code
from engine.recipe.options import Options, option
from engine.recipe.recipe import Target
from engine.recipe.validate import Fix, Problem, retarget, set_options
from engine.runtimes.base import RuntimeSpec
from engine.runtimes.openvino import accelerators
from engine.runtimes.openvino.availability import availability
from engine.runtimes.openvino.forecast import artefact_bytes, peak_bytes, weight_bytes
from engine.runtimes.openvino.limits import DECODERS, ENCODERS, FIXED_ROPES, NATIVE_BFLOAT16
from engine.runtimes.refusals import quantize_fix, stop
from engine.runtimes.text2text_layout import TEXT2TEXT

_ENCODER_TASKS: tuple[Task, ...] = (
    "feature-extraction", "text-classification", "token-classification", "fill-mask"
)  # fmt: skip


class OpenVinoOptions(Options):
    """How the model is computed."""

    accuracy: Literal["automatic", "exact", "fast"] = option(
        "automatic",
        "Accuracy",
        "Fast takes the quickest arithmetic, exact float32 throughout; automatic is fast where that costs under 0.01 "
        "nats.",
    )
    precision: Literal["automatic", "float32", "bfloat16"] = option(
        "automatic",
        "Arithmetic",
        "What activations are computed in; automatic is bfloat16 where the processor has it and it costs little, and "
        "float16 on Intel's GPU and NPU.",
    )
    kv_cache: Literal["automatic", "32-bit", "16-bit", "8-bit"] = option(
        "automatic",
        "Key-value cache",
        "What keys and values of past tokens are kept in: fewer bits save memory in long texts; automatic is as exact "
        "as the arithmetic.",
        advanced=True,
    )


def _check(info: CheckpointInfo, options: OpenVinoOptions, target: Target) -> Iterable[Problem]:
    if limits := availability().limits:
        yield stop(limits)
    if target.split == "balanced":
        yield stop("OpenVINO keeps a model in one place.", Fix("Do not split", lambda r: retarget(r, split="none")))
    yield from _unsupported_model(info)
    yield from _unsupported_grids(info)
    if target.device in intel.PLUGINS:
        yield from accelerators.problems(info, options, target)
    elif options.precision == "bfloat16" and not set(NATIVE_BFLOAT16) & set(hardware.isa()):
        yield Problem(
            None,
            "note",
            "This processor has no bfloat16 arithmetic: it will compute in float32.",
            Fix("Choose automatically", lambda r: set_options(r, None, precision="automatic")),
        )
    if options.accuracy == "exact" and options.precision == "bfloat16" and target.device == "cpu":
        yield Problem(
            None,
            "note",
            "Exact arithmetic is float32; with bfloat16 chosen, activations are rounded to it all the same.",
            Fix("Use float32", lambda r: set_options(r, None, precision="float32")),
        )


def _unsupported_model(info: CheckpointInfo) -> Iterator[Problem]:
    to_transformers = Fix("Use Transformers", lambda r: retarget(r, runtime="transformers", options={}))
    if info.model_type == structure.MODEL_TYPE:
        yield stop("OpenVINO cannot hold shared or low-rank layers.", to_transformers)
    elif needs_code(info.config, info.architecture):
        yield stop("OpenVINO has no graph for an architecture that is the checkpoint's own code.", to_transformers)
    elif info.task == "text-generation" and info.architecture not in DECODERS:
        known = ", ".join(name.removesuffix("ForCausalLM").removesuffix("LMHeadModel") for name in DECODERS)
        yield stop(f"{info.architecture} has no OpenVINO graph; these have: {known}.", to_transformers)
    elif info.task == "text2text-generation" and info.model_type not in TEXT2TEXT:
        known = ", ".join(sorted(TEXT2TEXT))
        yield stop(
            f"{info.model_type} models have no OpenVINO graph; of the encoder-decoders these have: {known}.",
            to_transformers,
        )
    elif info.task in _ENCODER_TASKS and info.model_type not in ENCODERS:
        known = ", ".join(sorted(ENCODERS))
        yield stop(f"{info.model_type} encoders have no OpenVINO graph; these have: {known}.", to_transformers)
    elif info.model_type == "opt" and not _plain_opt(info):
        yield stop("OpenVINO's graph cannot hold this kind of OPT, which projects its embedding.", to_transformers)
    elif _rope(info) not in FIXED_ROPES:
        yield stop(f"OpenVINO's graph cannot hold rotary positions of the kind “{_rope(info)}”.", to_transformers)


def _plain_opt(info: CheckpointInfo) -> bool:
    """Whether an OPT normalises first and embeds in its own width; OPT-350m does neither."""
    config = info.config
    width = config.get("hidden_size")
    return bool(config.get("do_layer_norm_before", True)) and config.get("word_embed_proj_dim", width) == width


def _rope(info: CheckpointInfo) -> str:
    """The kind of rotary positions that the configuration asks for."""
    stored = info.config.get("rope_parameters") or info.config.get("rope_scaling") or {}
    return str(stored.get("rope_type") or stored.get("type") or "default")


def _unsupported_grids(info: CheckpointInfo) -> Iterator[Problem]:
    for scheme in info.grids:
        if scheme.bits > 8:
            yield stop(f"OpenVINO's kernels read up to 8 bits, not {scheme.bits}.", quantize_fix(bits=8))
        elif scheme.group_size is not None and scheme.group_size % 2:
            yield stop(
                f"OpenVINO's kernels read groups of an even number of weights, not {scheme.group_size}.",
                quantize_fix(group_size=32),
            )


SPEC = RuntimeSpec(
    name="openvino",
    title="OpenVINO",
    summary="One graph with 8- or 4-bit weights for processors of Intel and AMD, and for Intel's GPU and NPU; "
    "OpenVINO GenAI opens decoders too.",
    options=OpenVinoOptions,
    availability=availability,
    check=_check,
    build="engine.runtimes.openvino.lower:build",
    open="engine.runtimes.openvino.session:open_session",
    tasks=frozenset({"text-generation", "text2text-generation", *_ENCODER_TASKS}),
    peak_bytes=peak_bytes,
    artefact_bytes=artefact_bytes,
    weight_bytes=weight_bytes,
    extra="cpu",
    version=3,
    reports_graph=True,
    profile="engine.runtimes.openvino.profile:open_profiled",
    graph="engine.runtimes.openvino.compiled:read_graph",
    graph_files="engine.runtimes.openvino.compiled:write_graphs",
)
