"""Layers of low rank as modules of a Transformers model: two linear layers in place of one. [torch]"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from engine.checkpoint.reader import Reader
from engine.grid import grid
from engine.protocol.errors import UserError


class LowRank(nn.Sequential):
    """Two linear layers, of the class of the one that they replace: [in] → [rank] → [out], a bias in the second."""

    def __init__(self, whole: nn.Linear | Conv1D, rank: int) -> None:
        if isinstance(whole, nn.Linear):
            bias = whole.bias is not None
            first: nn.Module = nn.Linear(whole.in_features, rank, bias=False)
            super().__init__(first, nn.Linear(rank, whole.out_features, bias=bias))
        else:
            super().__init__(_Conv1DWithoutBias(rank, whole.nx), Conv1D(whole.nf, rank))  # type: ignore[no-untyped-call]

    @property
    def weight(self) -> nn.Parameter:
        """The second factor's: T5 asks its layers in which type they compute."""
        weight = self[1].weight
        assert isinstance(weight, nn.Parameter)
        return weight


class _Conv1DWithoutBias(Conv1D):
    """y = x W with W [in, out]."""

    def __init__(self, outputs: int, inputs: int) -> None:
        super().__init__(outputs, inputs)  # type: ignore[no-untyped-call]
        del self.bias
        self.register_parameter("bias", None)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


def with_low_rank(cls: Any, ranks: Mapping[str, int]) -> Any:
    """Model class `cls` with its layers `ranks` (names in a checkpoint -> ranks) in two factors."""
    if not ranks:
        return cls

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__(self, *args, **kwargs)
        for name, rank in ranks.items():
            _factor(self, name, rank)

    return type(cls.__name__, (cls,), {"__module__": cls.__module__, "__init__": __init__})


def merged(reader: Reader, module: str, dtype: torch.dtype, inputs_first: bool) -> Tensor:
    """The weight that the two factors of `module` make together in `dtype`, computed in float32.

    `inputs_first`: it is of Conv1D, [in, out], else [out, in].
    """
    first, second = (grid.dense(reader, f"{module}.{place}.weight", dtype).float() for place in (0, 1))
    return (first @ second if inputs_first else second @ first).to(dtype)


def _factor(model: Any, name: str, rank: int) -> None:
    found = linear_of(model, name)
    whole = model.get_submodule(found)
    owner, _, leaf = found.rpartition(".")
    with torch.device(whole.weight.device):
        setattr(model.get_submodule(owner), leaf, LowRank(whole, rank).to(whole.weight.dtype))


def linear_of(model: Any, name: str) -> str:
    """What the linear layer `name` of a checkpoint is called in `model`. Raises UserError where it has none."""
    prefix = f"{model.base_model_prefix}."
    for variant in (name, name.removeprefix(prefix), prefix + name):  # saved with or without a head
        try:
            module = model.get_submodule(variant)
        except AttributeError:
            continue
        if isinstance(module, nn.Linear | Conv1D):
            return variant
    raise UserError(
        f"{type(model).__name__} has no linear layer “{name}” that two could stand for.",
        "Leave that layer as it is.",
        where=name,
        code="unsupported_architecture",
    )
