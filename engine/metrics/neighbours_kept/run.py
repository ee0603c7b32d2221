"""Share of a text's nearest neighbours that the reference's embeddings give too."""

from __future__ import annotations

import numpy as np

from engine.metrics.base import Observed
from engine.metrics.shares import bounded
from engine.protocol.measurement import Measurement


def measure(observed: Observed) -> Measurement | None:
    """With a bootstrap interval over texts; None without a reference or with too few texts."""
    if observed.neighbours is None:
        return None
    each = np.arange(len(observed.neighbours))
    return bounded("neighbours_kept", observed.neighbours, each, observed.conditions_of("quality"))
