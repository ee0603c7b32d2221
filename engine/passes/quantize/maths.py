"""Round to nearest (Jacob et al. 2018, arXiv:1712.05877, section 2.1), one scale for each group of a row."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.grid.grid import Grid


def round_to_nearest(
    weight: Tensor, bits: int, group_size: int | None, symmetric: bool, scale_dtype: torch.dtype | None = None
) -> Grid:
    """The grid nearest to `weight` [O, I], float; computed in float32.

    Scales are rounded to `scale_dtype` (default: the weight's) before the weights are rounded with them, so that the
    error of storing them is made up for. The group size divides I. Symmetric: scale = max|w| / (2^(bits−1) − ½), which
    puts the largest weight half a step beyond the last integer, an error no larger than any other's. Asymmetric: the
    range, widened to hold zero, is spread over all 2^bits integers, and zero itself is one of them.
    """
    scale_dtype = scale_dtype or weight.dtype
    rows, columns = weight.shape
    groups = weight.float().reshape(rows, -1, group_size or columns)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    zero = None
    if symmetric:
        scale = _stored(groups.abs().amax(dim=-1) / (high + 0.5), scale_dtype)
        values = groups / scale.float().unsqueeze(-1)
    else:
        least, most = groups.amin(dim=-1).clamp(max=0), groups.amax(dim=-1).clamp(min=0)
        scale = _stored((most - least) / (high - low), scale_dtype)
        offset = (low - least / scale.float()).round().clamp(low, high)
        zero = offset.to(torch.int8)
        values = groups / scale.float().unsqueeze(-1) + offset.unsqueeze(-1)
    integers = values.round().clamp(low, high).to(torch.int8).reshape(rows, columns)
    return Grid(integers, scale, zero, bits, group_size)


def _stored(scale: Tensor, dtype: torch.dtype) -> Tensor:
    """`scale` as it will be stored, never zero: a group of zeros takes the smallest normal number."""
    return scale.to(dtype).clamp(min=torch.finfo(dtype).tiny)
