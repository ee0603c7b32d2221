"""Walk a checkpoint block by block over calibration windows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.blocks.streamed import After, StreamedModel
from engine.calibration.options import WINDOWS_AT_ONCE


def walk(model: StreamedModel, ids: Tensor, after: After, step: Callable[[float, float, str], None]) -> None:
    """Send `ids` [N, T] through `model`, a bounded number of windows at once; `after` sees each block's work.

    `step` is called before every block, and may raise Cancelled.
    """
    batches = torch.split(ids, WINDOWS_AT_ONCE)
    total = len(batches) * len(model.blocks)
    done = 0

    def before(name: str, block: nn.Module, hidden: Tensor) -> None:
        nonlocal done
        step(done, total, name)
        done += 1

    model.observe(before, after)
    for batch in batches:
        model.run(batch)
    step(total, total, "")
