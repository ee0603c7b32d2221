"""Block influence (ShortGPT: Men et al. 2024, arXiv:2403.03853, section 3): how much a layer turns the hidden state."""

from __future__ import annotations

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
        self._sum += float((1 - cosine).sum())
        self._tokens += cosine.numel()

    @property
    def value(self) -> float:
        """Between 0 (the layer changes no direction) and 2."""
        return self._sum / self._tokens


def least(influences: Sequence[float], count: int, keep_first: int, keep_last: int) -> tuple[int, ...]:
    """The `count` layers of least influence outside the protected ends, sorted; of equal ones the later go first."""
    free = range(keep_first, len(influences) - keep_last)
    order = sorted(free, key=lambda layer: (influences[layer], -layer))
    return tuple(sorted(order[:count]))
