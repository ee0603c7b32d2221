"""The ONNX Runtime runtime as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from engine.checkpoint import structure
from engine.checkpoint.info import CheckpointInfo, Task
from engine.checkpoint.safety import needs_code
from engine.recipe.options import Options, option
from engine.recipe.recipe import Target
from engine.recipe.validate import Fix, Problem, retarget, set_options
from engine.runtimes.base import RuntimeSpec
from engine.runtimes.onnx_runtime.availability import availability
from engine.runtimes.onnx_runtime.forecast import peak_bytes, weight_bytes
from engine.runtimes.onnx_runtime.limits import BLOCKS, ENCODERS, EXPORTED, is_exported
from engine.runtimes.refusals import quantize_fix, stop
from engine.runtimes.text2text_layout import TEXT2TEXT

_ENCODER_TASKS: tuple[Task, ...] = (
    "feature-extraction", "text-classification", "token-classification", "fill-mask"
)  # fmt: skip


class OnnxRuntimeOptions(Options):
    """How the integer weights are computed with, and what keys and values are kept in."""

    accuracy: Literal["automatic", "exact", "fast"] = option(
        "automatic",
        "Accuracy of integer layers",
        "Fast also rounds activations to 8 bits, exact does not; automatic is fast where that costs under 0.01 nats.",
    )
    kv_cache: Literal["automatic", "float", "8-bit"] = option(
        "automatic",
        "Key-value cache",
        "What keys and values of past tokens are kept in: 8-bit takes a quarter of the memory and is read more "
        "quickly, for a little accuracy; automatic takes it where fast integer layers could not guess ahead otherwise.",
        advanced=True,
    )


def _check(info: CheckpointInfo, options: OnnxRuntimeOptions, target: Target) -> Iterable[Problem]:
    if limits := availability().limits:
        yield stop(limits)
    if target.split == "balanced":
        yield stop("ONNX Runtime keeps a model on one GPU.", Fix("Do not split", lambda r: retarget(r, split="none")))
    if info.task == "text2text-generation" and target.device == "cuda":
        to_cpu = Fix("Use the CPU", lambda r: retarget(r, device="cpu"))
        yield stop("ONNX Runtime runs encoder-decoders on the CPU only.", to_cpu)
    yield from _unsupported_model(info)
    yield from _unsupported_grids(info)
    yield from _exported_on_cuda(info, target)
    slow = info.task != "text2text-generation"  # whose 8-bit weights are cut into halves, see writer.py
    if slow and options.accuracy == "exact" and any(scheme.bits > 4 for scheme in info.grids):
        automatic = Fix("Choose automatically", lambda r: set_options(r, None, accuracy="automatic"))
        yield Problem(
            None,
            "note",
            "ONNX Runtime has no quick exact kernel for 8-bit weights: decoding will be very slow.",
            automatic,
        )
    if options.kv_cache == "8-bit":
        to_float = Fix("Keep the cache in floating point", lambda r: set_options(r, None, kv_cache="float"))
        if info.task != "text-generation":
            yield stop("ONNX Runtime keeps keys and values in 8 bits for decoders only.", to_float)
        elif is_exported(info):
            yield stop("ONNX Runtime keeps keys and values in 8 bits in fused graphs only.", to_float)
        elif target.device == "cuda":
            yield stop("ONNX Runtime keeps keys and values in 8 bits on the CPU only.", to_float)
    fast = options.accuracy != "exact" and bool(info.grids) and target.device == "cpu"
    if options.kv_cache == "float" and fast and target.speculation in ("lookup", "draft"):
        automatic = Fix("Choose the cache automatically", lambda r: set_options(r, None, kv_cache="automatic"))
        text = "With fast integer layers and a float cache, guesses cannot be checked: nothing is guessed ahead."
        yield Problem(None, "note", text, automatic)
    if target.device == "cpu" and {"BF16", "F16"} & set(info.bytes_by_dtype) and not info.grids:
        yield Problem(None, "note", "On a CPU, ONNX Runtime widens 16-bit weights to 32 bits: quantise them instead.")


def _unsupported_model(info: CheckpointInfo) -> Iterator[Problem]:
    to_transformers = Fix("Use Transformers", lambda r: retarget(r, runtime="transformers", options={}))
    if info.model_type == structure.MODEL_TYPE:
        yield stop("ONNX Runtime cannot hold shared or low-rank layers.", to_transformers)
    elif is_exported(info):
        yield from _exported(info, to_transformers)
    elif needs_code(info.config, info.architecture):
        yield stop("ONNX Runtime has no graph for an encoder that is the checkpoint's own code.", to_transformers)
    elif info.task == "text2text-generation" and info.model_type not in TEXT2TEXT:
        known = ", ".join(sorted(TEXT2TEXT))
        yield stop(
            f"{info.model_type} models have no ONNX graph; of the encoder-decoders these have: {known}.",
            to_transformers,
        )
    elif info.task in _ENCODER_TASKS and info.model_type not in ENCODERS:
        known = ", ".join(sorted(ENCODERS))
        yield stop(f"{info.model_type} encoders have no ONNX graph; these have: {known}.", to_transformers)


def _exported(info: CheckpointInfo, to_transformers: Fix) -> Iterator[Problem]:
    """What is known of a decoder that has no fused graph."""
    if info.architecture == "GPTNeoForCausalLM":
        yield stop(
            "GPT-Neo counts its positions from the end of the cache, which no exported graph can.", to_transformers
        )
    elif info.architecture == "MptForCausalLM":
        yield stop("MPT's position biases have a length that no exported graph can know.", to_transformers)
    elif info.architecture == "FalconForCausalLM" and info.config.get("alibi"):
        yield stop("ONNX Runtime lacks the bfloat16 kernels that Falcon with ALiBi takes.", to_transformers)
    elif info.architecture in EXPORTED:
        yield Problem(
            None,
            "note",
            "This decoder has no fused graph: Transformers' exporter writes a plain one, which takes longer to build.",
        )
    else:
        yield Problem(
            None,
            "note",
            "Transformers' exporter has not been tried on this architecture: it may refuse, and what it writes is kept "
            "only if it computes what the original does.",
        )


def _exported_on_cuda(info: CheckpointInfo, target: Target) -> Iterator[Problem]:
    if target.device == "cuda" and is_exported(info) and not info.grids:
        yield Problem(
            None,
            "note",
            "On CUDA, a decoder without a fused graph keeps its weights in 32 bits: quantise them, or use TensorRT.",
        )


def _unsupported_grids(info: CheckpointInfo) -> Iterator[Problem]:
    for scheme in info.grids:
        if scheme.bits > 8:
            yield stop(f"ONNX Runtime's kernels read up to 8 bits, not {scheme.bits}.", quantize_fix(bits=8))
        elif scheme.float_offset:
            yield stop("ONNX Runtime's quick kernels read integer offsets only.", quantize_fix(offsets="integer"))
        elif scheme.group_size is not None and scheme.group_size % BLOCKS[-1]:
            yield stop(
                f"ONNX Runtime's kernels read groups of a multiple of {BLOCKS[-1]} weights, not {scheme.group_size}.",
                quantize_fix(group_size=32),
            )


SPEC = RuntimeSpec(
    name="onnxruntime",
    title="ONNX Runtime",
    summary="One fused graph with 8- or 4-bit weights: the fastest decoding on a CPU, small files, no torch needed.",
    options=OnnxRuntimeOptions,
    availability=availability,
    check=_check,
    build="engine.runtimes.onnx_runtime.lower:build",
    open="engine.runtimes.onnx_runtime.session:open_session",
    tasks=frozenset({"text-generation", "text2text-generation", *_ENCODER_TASKS}),
    peak_bytes=peak_bytes,
    artefact_bytes=weight_bytes,
    version=6,
    weight_bytes=weight_bytes,
    extra="cpu",
    reports_graph=True,
    profile="engine.runtimes.onnx_runtime.profile:open_profiled",
    graph="engine.runtimes.onnx_runtime.compiled:read_graph",
    graph_files="engine.runtimes.onnx_runtime.compiled:write_graphs",
)
