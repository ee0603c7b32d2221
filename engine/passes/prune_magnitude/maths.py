"""Which weights are the smallest: within a tensor, a row, groups of a row, or over a whole model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_HIGH_BINS = 2**15  # the sign bit of a magnitude is always 0
_LOW_BINS = 2**16
_CHUNK = 2**20  # weights ranked at once: bounds the memory of their ranks


def smallest(weight: Tensor, count: int) -> Tensor:
    """A mask of the `count` weights of least magnitude, shape of `weight`; of equal ones the first fall first."""
    if count <= 0:
        return torch.zeros_like(weight, dtype=torch.bool)
    magnitude = weight.float().abs().flatten()
    threshold = torch.kthvalue(magnitude, count).values
    below = magnitude < threshold
    return fill_ties(below, magnitude == threshold, count - int(below.sum())).reshape(weight.shape)


def fill_ties(below: Tensor, equal: Tensor, room: int) -> Tensor:
    """`below` with the first `room` of `equal` added; flat bool tensors."""
    ties = equal.nonzero().flatten()[: max(room, 0)]
    below[ties] = True
    return below


def n_of_m(weight: Tensor, keep: int, group: int) -> Tensor:
    """A mask of all but the `keep` largest of every `group` neighbours of a row; `weight` [O, I], group divides I.

    Mishra et al. 2021, arXiv:2104.08378, section 3.
    """
    magnitude = weight.float().abs().reshape(-1, group)
    order = magnitude.argsort(dim=-1, descending=True, stable=True)
    mask = torch.ones_like(magnitude, dtype=torch.bool)
    mask.scatter_(1, order[:, :keep], False)
    return mask.reshape(weight.shape)


def wanda(
    weight: Tensor,
    squares: Tensor,
    share: float,
    pattern: tuple[int, int] | None = None,
    step: Callable[[], None] = lambda: None,
) -> Tensor:
    """A mask of the weights of `weight` [O, I] that matter least to its outputs: those of least |w| ‖x‖₂ in every row.

    `squares` [I] is Σ x² of each input, so ‖x‖₂². `share` of each row is removed; with `pattern` (n, m), all but n of
    every m neighbours instead. Of equal ones the first fall first. `step` is called often and may raise Cancelled.
    Sun et al. 2023, arXiv:2306.11695, section 3.
    """
    norms = squares.float().sqrt()
    masks = []
    for part in torch.split(weight, max(1, _CHUNK // weight.shape[1])):
        step()
        scores = part.float().abs() * norms
        if pattern is not None:
            masks.append(n_of_m(scores, *pattern))
            continue
        order = scores.argsort(dim=1, stable=True)
        mask = torch.zeros_like(scores, dtype=torch.bool)
        masks.append(mask.scatter_(1, order[:, : round(weight.shape[1] * share)], True))
    return torch.cat(masks)


class GlobalThreshold:
    """The exact magnitude of the k-th smallest weight of a model, found in two passes over its tensors.

    The bits of non-negative float32 numbers order as the numbers do: the first pass counts their upper halves, the
    second, within the half where the k-th lies, their lower halves. Nothing but the counts is held.
    """

    def __init__(self) -> None:
        self._high = torch.zeros(_HIGH_BINS, dtype=torch.int64)
        self._low = torch.zeros(_LOW_BINS, dtype=torch.int64)
        self._bin = 0
        self._below = 0

    def count(self, weight: Tensor) -> None:
        """First pass: call once for every tensor."""
        self._high += torch.bincount(_bits(weight) >> 16, minlength=_HIGH_BINS)

    def choose(self, k: int) -> None:
        """Between the passes: the k-th smallest (k from 1) is meant."""
        cumulative = self._high.cumsum(0)
        self._bin = int(torch.searchsorted(cumulative, k))
        self._below = int(cumulative[self._bin] - self._high[self._bin])

    def refine(self, weight: Tensor) -> None:
        """Second pass: call once for every tensor."""
        bits = _bits(weight)
        inside = bits[(bits >> 16) == self._bin]
        self._low += torch.bincount(inside & 0xFFFF, minlength=_LOW_BINS)

    def result(self, k: int) -> tuple[float, int]:
        """The k-th smallest magnitude, and how many weights equal to it are among the k smallest."""
        cumulative = self._low.cumsum(0)
        place = int(torch.searchsorted(cumulative, k - self._below))
        bits = torch.tensor([(self._bin << 16) | place], dtype=torch.int32)
        smaller = self._below + int(cumulative[place] - self._low[place])
        return float(bits.view(torch.float32)[0]), k - smaller


def _bits(weight: Tensor) -> Tensor:
    return weight.detach().cpu().float().abs().flatten().view(torch.int32).to(torch.int64)
