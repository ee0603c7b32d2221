"""GPTQ (Frantar et al. 2022, arXiv:2210.17323): round a weight column by column, each one's error made up for by those
still to come, so that the layer's outputs on the calibration text change least."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.calibration.inverse import Compensation
from engine.grid.grid import Grid
from engine.passes.quantize.clip import Steps, best_steps
from engine.passes.quantize.spec import GridKind

# Columns whose updates of the rest are applied together (section 4, step 2); a multiple of every group size.
BLOCK = 128
_CHUNK = 2**22  # weights worked on at once: bounds memory


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
