"""Second moments of what linear layers are given: how much an error of each weight matters to a layer's output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from engine.blocks.stages import Stages
from engine.calibration.finite import require_numbers

LINEARS = (nn.Linear, Conv1D)
# Given what was gathered so far (None: nothing) and inputs [..., I]; answers both together.
Gather = Callable[[Tensor | None, Tensor], Tensor]


def holds_inputs_first(module: nn.Module) -> bool:
    """The weight of linear layer `module` is [in, out]."""
    return isinstance(module, Conv1D)


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
        if isinstance(module, LINEARS)
    ]
    try:
        stages.run(lambda share: None, most=1)
    finally:
        for handle in hooks:
            handle.remove()
    return [names for _, names in given]


def add_moment(moment: Tensor | None, inputs: Tensor) -> Tensor:
    """`moment` [I, I] (None: zero) with Σ x xᵀ of `inputs` [..., I] added, in place, float32."""
    rows = inputs.detach().reshape(-1, inputs.shape[-1]).float()
    if moment is None:
        return rows.T @ rows
    return moment.addmm_(rows.T, rows)


def add_squares(squares: Tensor | None, inputs: Tensor) -> Tensor:
    """`squares` [I] (None: zero) with Σ x² of `inputs` [..., I] added: the diagonal of the moment, float32."""
    found = inputs.detach().reshape(-1, inputs.shape[-1]).float().square().sum(dim=0)
    return found if squares is None else squares.add_(found)


def moments(
    block: nn.Module,
    groups: Sequence[Sequence[str]],
    stages: Stages,
    step: Callable[[float], None],
    gather: Gather = add_moment,
) -> list[Tensor]:
    """What `gather` makes of all calibration tokens (Σ x xᵀ, float32 [I, I]), for each group of linear layers that
    share their input x [I].

    Raises UserError where activations are not numbers.
    """
    found: list[Tensor | None] = [None] * len(groups)

    def add(place: int) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            found[place] = gather(found[place], args[0])

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
