"""SparseGPT (Frantar & Alistarh 2023, arXiv:2301.00774, algorithm 1): prune column by column, each one's error made up
for by those still to come, so that the layer's outputs on the calibration text change least."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.calibration.inverse import Compensation
from engine.passes.prune_magnitude.maths import n_of_m, smallest

# Columns that a free choice is made among at once, and whose updates of the rest are applied together (both 128 in the
# paper, section 4).
BLOCK = 128


def sparsegpt(
    weight: Tensor, given: Compensation, share: float, pattern: tuple[int, int] | None = None,
    step: Callable[[], None] = lambda: None,
) -> Tensor:  # fmt: skip
    """`weight` [O, I] with zeros and tr(ΔW H ΔWᵀ) kept small, float32.

    `share` of the weights of every block of columns is removed, of the whole as near as can be; with `pattern` (n, m),
    all but n of every m neighbours of a row instead, where m divides I. Those go whose removal alone would cost least
    (section 3.3): w² / [H⁻¹]_cc, with H of the columns that are left. `given` is in natural order. `step` is called
    often and may raise Cancelled.
    """
    rows, width = weight.shape
    left = weight.float().T.contiguous()  # [I, O]: a column is a row of memory
    # Removing what the text never uses costs nothing.
    price = torch.where(given.importance > 0, given.upper.diagonal().square().reciprocal(), 0.0).unsqueeze(1)
    # A choice is made anew for every so many columns.
    chosen_at_once = pattern[1] if pattern else BLOCK
    size = max(1, BLOCK // chosen_at_once) * chosen_at_once
    removed = 0
    for begin in range(0, width, size):
        step()
        end = min(begin + size, width)
        errors = torch.empty(end - begin, rows, device=weight.device)
        for column in range(begin, end):
            if (column - begin) % chosen_at_once == 0:
                here = slice(column, min(column + chosen_at_once, width))
                scores = left[here].square() * price[here]
                if pattern:
                    gone = n_of_m(scores.T, *pattern).T
                else:
                    gone = smallest(scores, round(rows * end * share) - removed)
                    removed += int(gone.sum())
            row, mask = given.upper[column], gone[(column - begin) % chosen_at_once]
            error = (left[column] * mask).div_(row[column])
            left[column].masked_fill_(mask, 0.0)
            errors[column - begin] = error
            left[column + 1 : end].addr_(row[column + 1 : end], error, alpha=-1)
        left[end:].addmm_(given.upper[begin:end, end:].T, errors, alpha=-1)
    return left.T
