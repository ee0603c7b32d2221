"""Bytes of weights, as the open model counts them."""

from __future__ import annotations

from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """Exact."""
    return Measurement.exact("weight_bytes", observed.weight_bytes)
