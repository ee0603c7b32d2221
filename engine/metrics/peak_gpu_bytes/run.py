"""Peak GPU memory of a fresh process."""

from __future__ import annotations

from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """Exact; None without a GPU."""
    if observed.peaks is None or observed.peaks.gpu_bytes is None:
        return None
    return Measurement.exact("peak_gpu_bytes", observed.peaks.gpu_bytes, **observed.conditions_of("memory"))
