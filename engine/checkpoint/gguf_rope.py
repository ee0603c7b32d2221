"""How a GGUF file stretches positions, which Transformers 5.23 does not read from it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.checkpoint.gguf_header import GgufHeader
from engine.protocol.errors import UserError

_ARCHITECTURES = ("llama", "qwen2", "qwen3")
_FREQUENCIES = "rope_freqs.weight"
# Llama 3's own; only their ratio to the old length counts, so that another lower one comes out as another length.
_LOW, _HIGH = 1.0, 4.0
_TOLERANCE = 1e-3


def stretched(source: Path, header: GgufHeader) -> dict[str, Any]:
    """What `rope_parameters` must say beyond the base for GGUF file `source`; empty where nothing is stretched.

    Raises UserError where it cannot be said.
    """
    if header.architecture not in _ARCHITECTURES:
        return {}
    stored = next((tensor for tensor in header.tensors if tensor.name == _FREQUENCIES), None)
    if stored is not None:
        factors = np.fromfile(source, "<f4", math.prod(stored.shape), offset=stored.offset)
        found = _llama3(factors, float(header.value("rope.freq_base", 10000.0)))
        if found is None:
            raise _unreadable(source)
        return found
    kind = str(header.value("rope.scaling.type", "none"))
    if kind == "none":
        return {}
    factor = header.value("rope.scaling.factor")
    if kind not in ("linear", "yarn") or factor is None:
        raise _unreadable(source)
    parameters = {"rope_type": kind, "factor": float(factor)}
    old = header.value("rope.scaling.original_context_length")
    return parameters if old is None else {**parameters, "original_max_position_embeddings": int(old)}


def _llama3(factors: npt.NDArray[np.float32], base: float) -> dict[str, Any] | None:
    """Llama 3's parameters that divide the frequencies by `factors`; None where none do."""
    width = 2 * len(factors)
    waves = 2 * math.pi * base ** (np.arange(0, width, 2) / width)
    factor = float(factors.max())
    if factor <= 1.0:
        return {} if np.all(factors == 1.0) else None
    between = (factors > 1.0) & (factors < factor)
    smooth = (1.0 / factors - 1.0 / factor) / (1.0 - 1.0 / factor)
    lengths = waves * (smooth * (_HIGH - _LOW) + _LOW)
    old = round(float(np.median(lengths[between]))) if between.any() else 8192
    again = (1 - (old / waves - _LOW) / (_HIGH - _LOW)) / factor + (old / waves - _LOW) / (_HIGH - _LOW)
    expected = np.where(waves < old / _HIGH, 1.0, np.where(waves > old / _LOW, factor, 1.0 / again))
    if not np.allclose(expected, factors, rtol=_TOLERANCE):
        return None
    return {
        "rope_type": "llama3", "factor": factor, "low_freq_factor": _LOW, "high_freq_factor": _HIGH,
        "original_max_position_embeddings": old,
    }  # fmt: skip


def _unreadable(source: Path) -> UserError:
    return UserError(
        "The GGUF file stretches positions in a way that Transformers cannot be told.",
        "Use the model's safetensors checkpoint instead.",
        where=str(source),
        code="unsupported_architecture",
    )
