"""Second moments of what linear layers are given: how much an error of each weight matters to a layer's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engine.blocks.stages import Stages
from engine.protocol.errors import UserError


def linears_by_input(block: nn.Module, stages: Stages) -> list[list[str]]:
    """The names of the linear layers of the present block, in the order of their first calls; those that are given the
    same tensor (query, key and value, say) stand together. Layers that are never called are left out."""
    given: list[tuple[Tensor, list[str]]] = []
    seen: set[str] = set()

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            if name in seen:
                return
            seen.add(name)
            for tensor, names in given:
                if tensor is args[0]:
                    names.append(name)
                    return
            given.append((args[0], [name]))

        return hook

    hooks = [
        module.register_forward_pre_hook(note(name))
        for name, module in block.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        stages.run(lambda share: None, most=1)
    finally:
        for handle in hooks:
            handle.remove()
    return [names for _, names in given]


def moments(
    block: nn.Module, groups: Sequence[Sequence[str]], stages: Stages, step: Callable[[float], None]
) -> list[Tensor]:
    """Σ x xᵀ over all calibration tokens, float32 [I, I], of each group of linear layers that share their input x [I].

    Raises UserError where activations are not numbers.
    """
    found: list[Tensor | None] = [None] * len(groups)

    def add(place: int) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            found[place] = add_moment(found[place], args[0])

        return hook

    hooks = [block.get_submodule(names[0]).register_forward_pre_hook(add(place)) for place, names in enumerate(groups)]
    try:
        stages.run(step)
    finally:
        for handle in hooks:
            handle.remove()
    whole = [moment for moment in found if moment is not None]
    assert len(whole) == len(groups)
    for moment, names in zip(whole, groups, strict=True):
        require_numbers(moment, names[0])
    return whole


def add_moment(moment: Tensor | None, inputs: Tensor) -> Tensor:
    """`moment` [I, I] (None: zero) with `inputs` [..., I] added, in place."""
    rows = inputs.detach().reshape(-1, inputs.shape[-1]).float()
    if moment is None:
        return rows.T @ rows
    return moment.addmm_(rows.T, rows)


def require_numbers(moment: Tensor, where: str) -> None:
    """Raise UserError if `moment` is not finite."""
    if not torch.isfinite(moment).all():
        raise UserError(
            "On the calibration text the model computes values that are not numbers.",
            "Use the checkpoint in its original number format, or a rounding that needs no calibration text.",
            where=where,
        )
