"""Teacher-forced scores from logits, a few positions at a time so that memory stays low."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Doubles
from engine.runtimes.base import Floats

CHUNK = 32


def log_softmax(logits: npt.NDArray[Any]) -> Doubles:
    """ln of the softmax over the last axis, in float64, shifted by the maximum so that nothing overflows."""
    x = logits.astype(np.float64)
    x -= x.max(axis=-1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return x


def negative_log_likelihood(logits: Floats, targets: npt.NDArray[np.int64]) -> Doubles:
    """−ln p(target) per position, nats: logits [T, V], targets [T] → [T]."""
    scores = [
        -np.take_along_axis(log_softmax(logits[i : i + CHUNK]), targets[i : i + CHUNK, None], axis=-1)[:, 0]
        for i in range(0, len(targets), CHUNK)
    ]
    return np.concatenate(scores)


def divergence(reference: Floats, candidate: Floats) -> tuple[Doubles, Doubles]:
    """KL(reference ‖ candidate) in nats and agreement of the best entry (1 or 0) per position: [T, V] twice → [T] each.

    Entries that only one side has (padding of the vocabulary) are left out.
    """
    width = min(reference.shape[-1], candidate.shape[-1])
    kl, agree = [], []
    for i in range(0, len(reference), CHUNK):
        p = log_softmax(reference[i : i + CHUNK, :width])
        q = log_softmax(candidate[i : i + CHUNK, :width])
        agree.append((p.argmax(-1) == q.argmax(-1)).astype(np.float64))
        # A probability of exactly 0 in the reference adds nothing, whatever the candidate says (0 ln 0 = 0).
        weight = np.exp(p)
        q = np.subtract(p, q, out=np.zeros_like(q), where=weight > 0)
        kl.append(np.multiply(weight, q, out=np.zeros_like(q), where=weight > 0).sum(-1))
    return np.maximum(np.concatenate(kl), 0.0), np.concatenate(agree)
