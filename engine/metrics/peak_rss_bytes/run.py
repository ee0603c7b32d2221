"""Peak resident memory of a fresh process (VmHWM)."""

from __future__ import annotations

from engine.metrics.base import Observed
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """Exact: read from the operating system."""
    if observed.peaks is None:
        return None
    return Measurement.exact("peak_rss_bytes", observed.peaks.rss_bytes, **observed.conditions_of("memory"))
