"""Which units matter least, and the weights that make up for them: small matrices in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

# Beyond this width float64 would take more memory than a pass may.
_WIDEST_DOUBLE = 4096


def importance(weight: Tensor, moment: Tensor, size: int) -> Tensor:
    """How much each unit adds to what a linear layer answers, float32 [units].

    `weight` [O, I] reads units of `size` neighbouring inputs each; `moment` Σ x xᵀ [I, I] is of these inputs. It is
    tr(W_u M_uu W_uᵀ), the energy of the unit's part of the answer: with size 1 the activation's energy times the norm
    of its column (Wanda's product, Sun et al. 2023, arXiv:2306.11695, equation 1, over all rows), and with a centred
    moment the fluctuation that FLAP goes by (An et al. 2023, arXiv:2312.11983).
    """
    units = moment.shape[0] // size
    columns = weight.float().T.reshape(units, size, -1)
    own = torch.arange(units, device=moment.device)
    within = moment.reshape(units, size, units, size)[own, :, own, :]  # [units, size, size]
    return torch.einsum("uio,uij,ujo->u", columns, within, columns) if size > 1 else (
        columns[:, 0].square().sum(1) * within[:, 0, 0]
    )  # fmt: skip


def most_important(values: Tensor, count: int) -> list[int]:
    """The `count` units of greatest value, sorted; of equal ones the earlier stay."""
    order = torch.argsort(values, descending=True, stable=True)
    return sorted(order[:count].tolist())


def centred(moment: Tensor, total: Tensor, tokens: int) -> Tensor:
    """`moment` Σ x xᵀ [I, I] of the inputs' deviations from their mean `total` / `tokens` [I]."""
    return moment - torch.outer(total, total) / tokens


def compensated(weight: Tensor, moment: Tensor, kept: list[int], damping: float) -> Tensor:
    """The columns `kept` of `weight` [O, I], adapted so that W' x_kept is nearest to W x: float32 [O, K].

    The least squares over the inputs that `moment` M = Σ x xᵀ [I, I] was taken of, damped towards the weights as they
    were: W' = W_k + W_r M_rk (M_kk + λ I)⁻¹ with `damping` λ > 0 as a share of the mean of M_kk's diagonal. Without
    damping that is W M_·k M_kk⁻¹, the closed form of Optimal Brain Surgeon for many weights at once (Kurtic et al.
    2023, ZipLM, arXiv:2302.04089, section 3.1). Raises ArithmeticError if `moment` is not finite.
    """
    stays = torch.tensor(kept, device=moment.device)
    goes = torch.ones(moment.shape[0], dtype=torch.bool, device=moment.device)
    goes[stays] = False
    gone = goes.nonzero().flatten()
    dtype = torch.float64 if len(kept) <= _WIDEST_DOUBLE else torch.float32
    right = (weight[:, gone].to(dtype) @ moment[gone[:, None], stays].to(dtype)).T
    mean = float(moment.diagonal()[stays].double().mean()) or 1.0
    for damping in (damping * 10**power for power in range(12)):
        inside = moment[stays[:, None], stays].to(dtype)
        inside.diagonal().add_(damping * mean)
        lower, failed = torch.linalg.cholesky_ex(inside)
        del inside
        if not failed and bool(torch.isfinite(lower.diagonal()).all()):
            return weight[:, stays].float() + torch.cholesky_solve(right, lower).T.float()
    raise ArithmeticError("a moment that is not finite cannot be inverted")
