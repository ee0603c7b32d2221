"""Whether OpenVINO works here, and on which of Intel's devices, found without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import cache

from engine import intel
from engine.runtimes.base import Availability
from engine.runtimes.refusals import absent, build_limits

_BUILD_PACKAGES = ("torch", "transformers", "openvino_tokenizers")


@cache
def availability() -> Availability:
    """Usable when openvino is installed; on Intel's GPU and NPU when OpenVINO itself finds them."""
    if importlib.util.find_spec("openvino") is None:
        return Availability(
            False,
            reason="openvino is not installed.",
            remedy="Run “python3 start.py setup”, or “pip install hasten[cpu]”.",
        )
    found = intel.devices()
    return Availability(
        True,
        ("cpu", *intel.usable()),
        _version(),
        limits=build_limits("OpenVINO", missing_for_build()),
        refused={kind: one.reason for kind, one in found.items() if one.reason},
    )


def missing_for_build() -> tuple[str, ...]:
    """Packages that building needs and this machine lacks; opening a built model needs none of them."""
    return absent(_BUILD_PACKAGES)


def _version() -> str:
    try:
        return importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError:
        return ""
