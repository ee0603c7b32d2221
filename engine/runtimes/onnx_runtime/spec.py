"""The ONNX Runtime runtime as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from engine.checkpoint.info import CheckpointInfo
from engine.recipe.options import Options, option
from engine.recipe.recipe import Target
from engine.recipe.validate import Problem
from engine.runtimes.base import RuntimeSpec
from engine.runtimes.onnx_runtime.availability import availability, missing_for_build
from engine.runtimes.onnx_runtime.forecast import weight_bytes
from engine.runtimes.onnx_runtime.limits import DECODERS, ENCODERS


class OnnxRuntimeOptions(Options):
    """How the integer weights are computed with."""

    accuracy: Literal["automatic", "exact", "fast"] = option(
        "automatic",
        "Accuracy of integer layers",
        "Exact computes in floating point; fast also rounds activations to 8 bits; automatic measures both.",
    )


def _check(info: CheckpointInfo, options: OnnxRuntimeOptions, target: Target) -> Iterable[Problem]:
    missing = missing_for_build()
    if missing:
        yield Problem(
            None, "stop", f"Building for ONNX Runtime needs {', '.join(missing)}. Run “python3 start.py setup”."
        )
    yield from _unsupported_model(info)


def _unsupported_model(info: CheckpointInfo) -> Iterator[Problem]:
    if info.task == "text-generation":
        if info.architecture not in DECODERS:
            known = ", ".join(name.removesuffix("ForCausalLM") for name in DECODERS)
            yield Problem(
                None,
                "stop",
                f"ONNX Runtime's builder does not know {info.architecture}; it knows {known}. Choose Transformers.",
            )
    elif info.model_type not in ENCODERS:
        known = ", ".join(sorted(ENCODERS))
        yield Problem(
            None,
            "stop",
            f"{info.model_type} encoders are not converted to ONNX yet, only {known}. Choose Transformers.",
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
    tasks=frozenset({"text-generation", "feature-extraction", "text-classification", "fill-mask"}),
    extra="cpu",
    weight_bytes=weight_bytes,
)
