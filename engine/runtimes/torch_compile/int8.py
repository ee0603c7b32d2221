"""Weights that stay integers in a compiled model: the checkpoint's own, in torchao's tensor, never rounded again."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

from torch import nn

from engine.checkpoint.reader import Reader
from engine.grid import grid as grids
from engine.runtimes.torch_compile.spec import kept_modules


def keep_integers(model: Any, folder: Path) -> int:
    """Give each linear layer of `model` that lies on one scale a row its integers back; the bytes of weights saved.

    What is computed stays `x @ (values * scale).T`, in the model's type.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)  # of its kernels for GPUs that are not here
        try:
            from torchao.quantization.quantize_.workflows.int8.int8_tensor import Int8Tensor
        finally:
            logging.disable(logging.NOTSET)
    reader = Reader(folder)
    saved = 0
    for name in sorted(kept_modules(reader.grids)):
        layer = model.get_submodule(name)
        grid = grids.read(reader, name)
        dense = layer.weight
        scale = grid.scale.to(dense.device, dense.dtype)
        values = grid.values.to(dense.device)
        kept = Int8Tensor(values, scale, [1, values.shape[1]], dense.dtype)
        layer.weight = nn.Parameter(kept, requires_grad=False)
        saved += dense.numel() * (dense.element_size() - 1) - scale.numel() * scale.element_size()
    return saved
