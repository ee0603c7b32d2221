"""How much layers matter: by how far they turn the hidden state (of each, or of a stretch of them together).

Influence: ShortGPT (Men et al. 2024, arXiv:2403.03853, section 3). Stretches: Gromov et al. 2024, arXiv:2403.17887,
section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import cosine_similarity


class Influence:
    """Block influence of one layer: 1 − the mean over tokens of the cosine between its input and its output."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._tokens = 0

    def add(self, before: Tensor, after: Tensor) -> None:
        """Count hidden states [..., H] before and after the layer."""
        cosine = cosine_similarity(before.double(), after.double(), dim=-1)
        self._sum += float(self.far(cosine).sum())
        self._tokens += cosine.numel()

    def far(self, cosine: Tensor) -> Tensor:
        """How far apart states of this cosine are."""
        return 1 - cosine

    @property
    def value(self) -> float:
        """Between 0 (the layer changes no direction) and 2."""
        return self._sum / self._tokens


class Angle(Influence):
    """Mean angle between hidden states before and after a stretch of layers, as a share of half a turn: 0 to 1."""

    def far(self, cosine: Tensor) -> Tensor:
        """The angle."""
        return cosine.clamp(-1, 1).acos() / math.pi


def least_stretch(angles: Sequence[float], count: int, keep_first: int, keep_last: int) -> tuple[int, ...]:
    """The `count` neighbouring layers over which states turn least, outside the protected ends; of equal ones the
    later. `angles`: by the first layer of the stretch."""
    layers = len(angles) + count - 1
    first = min(range(keep_first, layers - keep_last - count + 1), key=lambda layer: (angles[layer], -layer))
    return tuple(range(first, first + count))


def least(influences: Sequence[float], count: int, keep_first: int, keep_last: int) -> tuple[int, ...]:
    """The `count` layers of least influence outside the protected ends, sorted; of equal ones the later go first."""
    free = range(keep_first, len(influences) - keep_last)
    order = sorted(free, key=lambda layer: (influences[layer], -layer))
    return tuple(sorted(order[:count]))
