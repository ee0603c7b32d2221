"""Teacher-forced scores from logits, a few positions at a time so that memory stays low."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.metrics.base import Doubles, Floats

CHUNK = 32


def normalisers(logits: Floats) -> Doubles:
    """ln Σ exp per position in float64, shifted by the maximum so that nothing overflows: [T, V] → [T]."""
    sums = []
    for i in range(0, len(logits), CHUNK):
        x = logits[i : i + CHUNK].astype(np.float64)
        highest = x.max(axis=-1)
        x -= highest[:, None]
        sums.append(highest + np.log(np.exp(x, out=x).sum(axis=-1)))
    return np.concatenate(sums)


def negative_log_likelihood(
    logits: Floats, targets: npt.NDArray[np.int64], normaliser: Doubles | None = None
) -> Doubles:
    """−ln p(target) per position, nats: logits [T, V], targets [T] → [T]."""
    known = normalisers(logits) if normaliser is None else normaliser
    return known - np.take_along_axis(logits, targets[:, None], axis=-1)[:, 0].astype(np.float64)


def divergence(
    reference: Floats,
    candidate: Floats,
    reference_normaliser: Doubles | None = None,
    candidate_normaliser: Doubles | None = None,
) -> tuple[Doubles, Doubles]:
    """KL(reference ‖ candidate) in nats and agreement of the best entry (1 or 0) per position: [T, V] twice → [T] each.

    Entries that only one side has (padding of the vocabulary) are left out. The normalisers [T], where they are known
    already, save work.
    """
    width = min(reference.shape[-1], candidate.shape[-1])
    if reference.shape[-1] != candidate.shape[-1]:
        reference, candidate = reference[:, :width], candidate[:, :width]
        reference_normaliser = candidate_normaliser = None
    left = normalisers(reference) if reference_normaliser is None else reference_normaliser
    right = normalisers(candidate) if candidate_normaliser is None else candidate_normaliser
    kl = []
    for i in range(0, len(reference), CHUNK):
        here = slice(i, i + CHUNK)
        p = reference[here].astype(np.float64) - left[here, None]
        q = candidate[here].astype(np.float64) - right[here, None]
        weight = np.exp(p)
        # A probability of exactly 0 in the reference adds nothing, whatever the candidate says (0 ln 0 = 0).
        difference = np.subtract(p, q, out=np.zeros_like(p), where=weight > 0)
        kl.append((weight * difference).sum(axis=-1))
    agree = reference.argmax(axis=-1) == candidate.argmax(axis=-1)
    return np.maximum(np.concatenate(kl), 0.0), agree.astype(np.float64)


def best(logits: Floats, count: int = 5) -> npt.NDArray[np.int64]:
    """The ids of the `count` largest entries per position, in no order: [T, V] → [T, count or V]."""
    width = logits.shape[-1]
    if width <= count:
        return np.broadcast_to(np.arange(width), (len(logits), width))
    pieces = [logits[i : i + CHUNK] for i in range(0, len(logits), CHUNK)]
    found = [np.argpartition(piece, width - count, axis=-1)[:, width - count :] for piece in pieces]
    return np.concatenate(found).astype(np.int64)


def overlap(reference: npt.NDArray[np.int64], candidate: npt.NDArray[np.int64]) -> Doubles:
    """Share of `reference`'s ids that `candidate` has too, per position: [T, K] twice → [T]."""
    return np.asarray((reference[:, :, None] == candidate[:, None, :]).any(-1).mean(-1), dtype=np.float64)


def squared_error(reference: Floats, candidate: Floats) -> Doubles:
    """Mean squared difference of the logits per position, in float64: [T, V] twice → [T].

    Entries that only one side has, or that are infinite on either (tokens ruled out), are left out.
    """
    width = min(reference.shape[-1], candidate.shape[-1])
    errors = []
    for i in range(0, len(reference), CHUNK):
        a = reference[i : i + CHUNK, :width].astype(np.float64)
        b = candidate[i : i + CHUNK, :width].astype(np.float64)
        known = np.isfinite(a) & np.isfinite(b)
        apart = np.subtract(a, b, out=np.zeros_like(a), where=known)
        errors.append((apart**2).sum(-1) / np.maximum(known.sum(-1), 1))
    return np.concatenate(errors)
