"""Whether OpenVINO works here, found without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import cache

from engine.runtimes.base import Availability
from engine.runtimes.refusals import absent, build_limits

_BUILD_PACKAGES = ("torch", "transformers", "openvino_tokenizers")


@cache
def availability() -> Availability:
    """Usable when openvino is installed. Which of Intel's processors it finds is asked when a model is opened."""
    if importlib.util.find_spec("openvino") is None:
        return Availability(
            False,
            reason="openvino is not installed.",
            remedy="Run “python3 start.py setup”, or “pip install hasten[cpu]”.",
        )
    return Availability(True, ("cpu",), _version(), limits=build_limits("OpenVINO", missing_for_build()))


def missing_for_build() -> tuple[str, ...]:
    """Packages that building needs and this machine lacks; opening a built model needs none of them."""
    return absent(_BUILD_PACKAGES)


def _version() -> str:
    try:
        return importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError:
        return ""
