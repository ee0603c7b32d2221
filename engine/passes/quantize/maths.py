"""Round to nearest (Jacob et al. 2018, arXiv:1712.05877, section 2.1), one scale for each group of a row."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from engine.grid.grid import Grid
from engine.passes.quantize.spec import GridKind

# At 4 bits, steps are so wide that it pays to give up a little range: each end of a group's range is tried at these
# shares of its extreme, and the pair with the least error is kept. 8 bits are left alone: their steps are narrow.
# The shares and the power of the error were chosen on the last tenth of TinyStories, and gain on other text as well.
# Perplexity over the original's, groups of 32, searched against the whole range (stories15M but for the last):
# asymmetric +6.5 % against +9.2 % there, +8.0 % against +10.1 % on the other nine tenths, +15.8 % against +24.6 % on
# WikiText-2 (SmolLM2-135M, 12 windows); symmetric +13.8 % against +16.8 %, and +12.5 % against +14.7 %.
_SHARES = (1.0, 1.1, 1.05, 0.95, 0.9, 0.85, 0.8)
_CHUNK = 2**20  # weights rounded at once: bounds the memory of the search


def round_to_nearest(
    weight: Tensor, bits: int, group_size: int | None, kind: GridKind, scale_dtype: torch.dtype | None = None
) -> Grid:
    """The grid nearest to `weight` [O, I], float; computed in float32.

    Scales are rounded to `scale_dtype` (default: the weight's) before the weights are rounded with them, so that the
    error of storing them is made up for. The group size divides I. Symmetric: the range is ± max|w|, spread over all
    2^bits integers, which puts the largest weight half a step beyond the last one, an error no larger than any other's.
    Asymmetric: the range, widened to hold zero, is spread likewise, and zero itself is one of the integers. With float
    offsets the range is the weights' own, and scale and offset hold in float16 too wherever its range allows: ggml
    keeps them so. At 4 bits and fewer the ends of the range are searched for the least sum of cubed errors, which minds
    the errors of the few large weights more than squares do.
    """
    dtype = scale_dtype or weight.dtype
    rows = max(1, _CHUNK // weight.shape[1])
    parts = [_round(part.float(), bits, group_size, kind, dtype) for part in torch.split(weight, rows)]
    values, scales, offsets = (torch.cat(column) for column in zip(*parts, strict=True))
    zero = offsets.to(torch.int8) if kind == "asymmetric" else None
    return Grid(values, scales, zero, bits, group_size, offsets.to(dtype) if kind == "float_offset" else None)


def ends(groups: Tensor, kind: GridKind) -> tuple[Tensor, Tensor]:
    """The largest and smallest weight that each of `groups` [..., n] has to reach: zero is among them but for
    float offsets, and the one mirrors the other where groups are symmetric."""
    most, least = groups.amax(dim=-1), groups.amin(dim=-1)
    if kind != "float_offset":
        most, least = most.clamp(min=0), least.clamp(max=0)
    if kind == "symmetric":
        most = torch.maximum(most, -least)
        least = -most
    return most, least


def _round(
    weight: Tensor, bits: int, group_size: int | None, kind: GridKind, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Integers int8 [O, I], scales [O, G], and offsets float32 [O, G] of some rows: zero points or minimums."""
    rows, columns = weight.shape
    groups = weight.reshape(rows, -1, group_size or columns)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    most, least = ends(groups, kind)
    best: tuple[Tensor, Tensor, Tensor] | None = None
    error = torch.empty(0)
    for lower, upper in _shares(bits, kind):
        scale = (most * upper - least * lower) / (high - low)
        scale = stored(half(scale) if kind == "float_offset" else scale, dtype)
        width = scale.float().unsqueeze(-1)
        # where zero lies among the integers
        if kind == "symmetric":
            offset = zero = torch.zeros_like(most)
        elif kind == "asymmetric":
            offset = zero = (low - least * lower / scale.float()).round().clamp(low, high)
        else:
            offset = half(least * lower).to(dtype).float()
            zero = low - offset / scale.float()
        values = (groups / width + zero.unsqueeze(-1)).round_().clamp_(low, high)
        wrong = ((values - zero.unsqueeze(-1)) * width - groups).abs_()
        cubed = (wrong * wrong).mul_(wrong).sum(dim=-1)
        integers = values.to(torch.int8)
        if best is None:
            best, error = (integers, scale, offset), cubed
            continue
        better = cubed < error
        error = torch.where(better, cubed, error)
        best = (
            torch.where(better.unsqueeze(-1), integers, best[0]),
            torch.where(better, scale, best[1]),
            torch.where(better, offset, best[2]),
        )
    assert best is not None
    return best[0].reshape(rows, columns), best[1], best[2]


def half(numbers: Tensor) -> Tensor:
    """`numbers` rounded to what float16 holds, but for those outside of its normal range."""
    size = numbers.abs()
    inside = (size >= torch.finfo(torch.float16).tiny) & (size <= torch.finfo(torch.float16).max)
    return torch.where(inside, numbers.half().float(), numbers)


def _shares(bits: int, kind: GridKind) -> list[tuple[float, float]]:
    """The shares of the lower and the upper end to try; the whole range first."""
    if bits > 4:
        return [(1.0, 1.0)]
    return [(share, share) for share in _SHARES] if kind == "symmetric" else list(product(_SHARES, _SHARES))


def stored(scale: Tensor, dtype: torch.dtype) -> Tensor:
    """`scale` as it will be stored, never zero: a group of zeros takes the smallest normal number."""
    return scale.to(dtype).clamp(min=torch.finfo(dtype).tiny)


def on_cpu(grid: Grid) -> Grid:
    """`grid` in main memory."""
    zero, minimum = (None if part is None else part.cpu() for part in (grid.zero, grid.minimum))
    return Grid(grid.values.cpu(), grid.scale.cpu(), zero, grid.bits, grid.group_size, minimum)
