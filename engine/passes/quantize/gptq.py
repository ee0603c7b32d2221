"""GPTQ (Frantar et al. 2022, arXiv:2210.17323): round a weight column by column, each one's error made up for by those
still to come, so that the layer's outputs on the calibration text change least."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.grid.grid import Grid
from engine.passes.quantize.clip import Steps, best_steps
from engine.passes.quantize.spec import GridKind

# Columns whose updates of the rest are applied together (section 4, step 2); a multiple of every group size.
BLOCK = 128
_CHUNK = 2**22  # weights worked on at once: bounds memory
# Beyond this width float64 would take more memory than a pass may.
_WIDEST_DOUBLE = 4096


@dataclass(frozen=True)
class Compensation:
    """How the error of each column is spread over those after it.

    Attributes:
        upper: float32 [I, I], U with (H + λI)⁻¹ = Uᵀ U, in the order of processing (section 4, step 3).
        order: int64 [I], the columns in the order of processing.
        importance: float32 [I], the diagonal of H in natural order.
        damping: the share of H's mean diagonal that was added: what was asked for, or more where that did not do.
    """

    upper: Tensor
    order: Tensor
    importance: Tensor
    damping: float


def compensation(moment: Tensor, damping: float, act_order: bool) -> Compensation:
    """The factor that `gptq` needs, from `moment` H = Σ x xᵀ [I, I]. Raises ArithmeticError if that is not finite.

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


def gptq(
    weight: Tensor, given: Compensation, bits: int, group_size: int | None, kind: GridKind,
    running: bool = False, scale_dtype: torch.dtype | None = None, step: Callable[[], None] = lambda: None,
) -> Grid:  # fmt: skip
    """`weight` [O, I] on a grid with tr(ΔW H ΔWᵀ) kept small; computed in float32.

    Groups are runs of columns in natural order whatever the order of processing. Their levels are found beforehand;
    `running`, which needs the natural order: when a group's turn comes, from its weights as errors before it left them.
    Scales are rounded to `scale_dtype` (default: the weight's) first. `step` is called often and may raise Cancelled.
    """
    dtype = scale_dtype or weight.dtype
    rows = max(1, _CHUNK // weight.shape[1])
    parts = [_rows(part, given, bits, group_size, kind, running, dtype, step) for part in torch.split(weight, rows)]
    whole = Steps.joined([steps for steps, _ in parts], 0)
    return whole.grid(torch.cat([values for _, values in parts]), group_size)


def _rows(
    weight: Tensor, given: Compensation, bits: int, group_size: int | None, kind: GridKind, running: bool,
    dtype: torch.dtype, step: Callable[[], None],
) -> tuple[Steps, Tensor]:  # fmt: skip
    """The levels of some rows, which do not depend on other rows, and their integers, int8."""
    rows, width = weight.shape
    size = group_size or width
    running = running and group_size is not None
    steps = best_steps(weight, given.importance, bits, group_size, kind, dtype, step)
    scale, zero = steps.scale.float().T.contiguous(), steps.zero.T.contiguous()
    left = weight.float().T[given.order].contiguous()  # [I, O]: a column is a row of memory
    values = torch.empty(width, rows, dtype=torch.int8, device=weight.device)
    found: list[Steps] = []
    groups, high = (given.order // size).tolist(), 2 ** (bits - 1) - 1
    for begin in range(0, width, BLOCK):
        step()
        end = min(begin + BLOCK, width)
        errors = torch.empty(end - begin, rows, device=weight.device)
        for column in range(begin, end):
            group = groups[column]
            if running and column % size == 0:
                own = slice(column, column + size)
                found.append(best_steps(left[own].T, given.importance[own], bits, size, kind, dtype))
                scale[group], zero[group] = found[-1].scale[:, 0].float(), found[-1].zero[:, 0]
            integers = (left[column] / scale[group]).add_(zero[group]).round_().clamp_(-high - 1, high)
            values[column] = integers.to(torch.int8)
            row = given.upper[column]
            error = (left[column] - (integers - zero[group]).mul_(scale[group])).div_(row[column])
            errors[column - begin] = error
            left[column + 1 : end].addr_(row[column + 1 : end], error, alpha=-1)
        left[end:].addmm_(given.upper[begin:end, end:].T, errors, alpha=-1)
    natural = torch.empty_like(values)
    natural[given.order] = values
    return Steps.joined(found, 1) if running else steps, natural.T.contiguous()
