"""How far one layer's output is from another's."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def relative_error(expected: Iterable[Tensor], found: Iterable[Tensor], masks: Iterable[Tensor | None]) -> float:
    """The mean over tokens of ‖found − expected‖ / ‖expected‖, from hidden states [B, T, H] a batch.

    Each token counts alike: some models keep a few tokens a thousand times longer than all others (Sun et al. 2024,
    arXiv:2402.17762), whose error would hide that of the rest. `masks` [B, T] is 1 on real tokens; None: all are.
    """
    total, count = 0.0, 0
    for left, right, mask in zip(expected, found, masks, strict=True):
        length = torch.linalg.vector_norm(left.double(), dim=-1)
        error = torch.linalg.vector_norm(right.double() - left.double(), dim=-1) / length.clamp_min(1e-30)
        if mask is not None:
            error = error[mask.bool()]
        total += float(error.sum())
        count += error.numel()
    return total / max(1, count)
