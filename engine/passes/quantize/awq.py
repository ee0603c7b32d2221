"""AWQ (Lin et al. 2023, arXiv:2306.00978): weights that meet large activations are made larger before they are rounded.

What makes the activations is divided by the same, so that the float model stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.passes.quantize.clip import steps_of
from engine.passes.quantize.maths import ends
from engine.passes.quantize.spec import GridKind

# Powers of the activations' sizes that are tried (section 3.2, equation 5); 0 scales nothing.
POWERS = tuple(place / 20 for place in range(20))
_MOST = 2.0**8  # scales, up and down: 16-bit norms hold what is left of them
# Of a taller weight so many rows, evenly spread, are tried: powers differ by what all of them have in common.
_ROWS = 1024


@dataclass(frozen=True)
class Inputs:
    """What linear layers are given, summed over tokens.

    Attributes:
        moment: Σ x xᵀ, float32 [I, I].
        sizes: Σ |x|, float32 [I].
    """

    moment: Tensor
    sizes: Tensor


def factors(sizes: Tensor, power: float) -> Tensor:
    """What the columns of a weight are multiplied by, float32 [I], mean logarithm 0: `sizes` [I] to the `power`.

    A channel that the text never uses keeps 1.
    """
    live = sizes > 0
    logs = power * sizes.where(live, torch.ones_like(sizes)).log()
    if live.any():
        logs -= logs[live].mean()
    return logs.exp().clamp(1 / _MOST, _MOST).where(live, torch.ones_like(sizes))


def output_error(
    weight: Tensor, scale: Tensor, moment: Tensor, bits: int, group_size: int | None, kind: GridKind, dtype: torch.dtype
) -> Tensor:
    """tr(ΔW H ΔWᵀ), float64, where `weight` [O, I] is rounded with its columns multiplied by `scale` [I].

    Each group's whole range is spread over the integers; its scale is kept in `dtype`.
    """
    rows, columns = weight.shape
    groups = (weight.float() * scale).reshape(rows, -1, group_size or columns)
    most, least = ends(groups, kind)
    steps = steps_of((most - least) / (2**bits - 1), least, bits, kind, dtype)
    wrong = steps.back(steps.round(groups)).reshape(rows, columns) / scale - weight
    return (wrong @ moment).mul_(wrong).sum(dtype=torch.float64)


def best_factors(
    weights: Sequence[tuple[Tensor, torch.dtype]], given: Inputs, bits: int, group_size: int | None, kind: GridKind,
    step: Callable[[], None] = lambda: None,
) -> Tensor:  # fmt: skip
    """The factors of the power for which the outputs of `weights` [O, I], which share their inputs, change least.

    Each weight stands beside the type that its scales are stored in. Ones where no power beats not scaling. `step` is
    called often and may raise Cancelled.
    """
    tried = [(weight[:: -(-weight.shape[0] // _ROWS)], dtype) for weight, dtype in weights]
    best, least = torch.ones_like(given.sizes), torch.inf
    for power in POWERS:
        scale, error = factors(given.sizes, power), 0.0
        for weight, dtype in tried:
            step()
            error += float(output_error(weight, scale, given.moment, bits, group_size, kind, dtype))
        if error < least:
            best, least = scale, error
    return best
