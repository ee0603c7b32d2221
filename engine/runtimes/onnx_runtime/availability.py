"""Whether ONNX Runtime works here, found without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import cache
from pathlib import Path

from engine.parallel.placement import gpus
from engine.recipe.recipe import Device
from engine.runtimes.base import Availability
from engine.runtimes.refusals import absent, build_limits

_BUILD_PACKAGES = ("torch", "transformers", "onnx", "onnx_ir", "onnxscript", "onnxruntime_genai")


@cache
def availability() -> Availability:
    """Usable when onnxruntime is installed; on CUDA when its build carries the CUDA provider and a GPU is there."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        return Availability(
            False,
            reason="onnxruntime is not installed.",
            remedy="Run “python3 start.py setup”, or “pip install hasten[cpu]” (hasten[cuda] on NVIDIA machines).",
        )
    provider = any((Path(spec.origin).parent / "capi").glob("*onnxruntime_providers_cuda*"))
    devices: tuple[Device, ...] = ("cpu", "cuda") if provider and gpus() else ("cpu",)
    return Availability(True, devices, _version(), limits=build_limits("ONNX Runtime", missing_for_build()))


def missing_for_build() -> tuple[str, ...]:
    """Packages that building needs and this machine lacks; opening a built model needs none of them."""
    return absent(_BUILD_PACKAGES)


def _version() -> str:
    for name in ("onnxruntime", "onnxruntime-gpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""
