"""The damped inverse of second moments, factored: what makes up for the error of one column by those after it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Beyond this width float64 would take more memory than a pass may.
_WIDEST_DOUBLE = 4096


@dataclass(frozen=True)
class Compensation:
    """How the error of each column is spread over those after it (Frantar et al. 2022, arXiv:2210.17323, section 4).

    Attributes:
        upper: float32 [I, I], U with (H + λI)⁻¹ = Uᵀ U, in the order of processing (step 3).
        order: int64 [I], the columns in the order of processing.
        importance: float32 [I], the diagonal of H in natural order.
        damping: the share of H's mean diagonal that was added: what was asked for, or more where that did not do.
    """

    upper: Tensor
    order: Tensor
    importance: Tensor
    damping: float


def compensation(moment: Tensor, damping: float, act_order: bool) -> Compensation:
    """What spreads errors, from `moment` H = Σ x xᵀ [I, I]. Raises ArithmeticError if that is not finite.

    `damping` > 0 is a share of the mean of H's diagonal; it grows tenfold until H can be inverted. Columns that the
    calibration text never uses take no part. `act_order`: columns with the largest activations come first, so that the
    most others can make up for them.
    """
    width = moment.shape[0]
    importance = moment.diagonal().clone()
    dead = importance <= 0
    mean = float(importance.double().mean()) or 1.0
    order = torch.argsort(importance, descending=True, stable=True) if act_order else torch.arange(width)
    order = order.to(moment.device)
    # H = R Rᵀ with R upper triangular is the Cholesky factor of H turned about; U = R⁻¹
    turned = order.flip(0)
    for damping in (damping * 10**power for power in range(12)):
        work = moment[turned[:, None], turned]
        work = work.double() if width <= _WIDEST_DOUBLE else work
        work.diagonal().add_(damping * mean + dead[turned] * mean)
        lower, failed = torch.linalg.cholesky_ex(work)
        del work
        if not failed and bool(torch.isfinite(lower.diagonal()).all()):
            break
    else:
        raise ArithmeticError("a moment that is not finite cannot be inverted")
    eye = torch.eye(width, dtype=lower.dtype, device=lower.device)
    inverse = torch.linalg.solve_triangular(lower, eye, upper=False)
    del lower, eye
    upper = inverse.flip(0, 1).float()
    return Compensation(upper, order, importance, damping)
