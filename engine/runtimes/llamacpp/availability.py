"""Whether llama.cpp works here, found without importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import cache

from engine.runtimes.base import Availability
from engine.runtimes.refusals import absent, build_limits

_BUILD_PACKAGES = ("torch", "transformers", "gguf")


@cache
def availability() -> Availability:
    """Usable when llama-cpp-python is installed. CPU only: its GPU builds are untested here."""
    if importlib.util.find_spec("llama_cpp") is None:
        return Availability(
            False,
            reason="llama-cpp-python is not installed.",
            remedy="Run “pip install hasten[llamacpp]”, which compiles it: that takes a C++ compiler and 15 minutes.",
        )
    limits = build_limits("llama.cpp", absent(_BUILD_PACKAGES))
    return Availability(True, ("cpu",), importlib.metadata.version("llama-cpp-python"), limits=limits)
