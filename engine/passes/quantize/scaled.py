"""Scale a block's weights before they are rounded, as AWQ does, and keep what else changed in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.blocks.scaling import Group, Layer, Maker
from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.finite import require_numbers
from engine.calibration.moments import add_moment
from engine.passes.base import PassContext
from engine.passes.quantize.awq import Inputs, best_factors
from engine.passes.quantize.spec import QuantizeOptions

# How far a scaled block's answers may be off, relative to the most that it changes its hidden states by: what storing
# biases in 16 bits costs is below it, scales that do not cancel out are far above.
_TOLERANCE = 2e-3


class Scaling:
    """The scaling of a model's blocks.

    Attributes:
        count: how many of the weights to be rounded were scaled.
    """

    def __init__(self, context: PassContext, dtypes: Mapping[str, torch.dtype], targets: Mapping[str, torch.dtype]):
        """`dtypes` of all weights that the checkpoint holds as floats; `targets` are those of them to be rounded."""
        self._context, self._dtypes, self._targets = context, dtypes, targets
        self._pairs: dict[str, Maker | None] = {}
        self._files: dict[str, Path] = {}
        self.count = 0

    @property
    def changed(self) -> list[str]:
        """The weights that changed and are not to be rounded: norms, biases, layers that were left out."""
        return list(self._files)

    def tensors(self, name: str) -> dict[str, Tensor]:
        """What changed weight `name` became."""
        return {name: load_file(self._files[name])[name]}

    def scale(
        self, model: StreamedModel, name: str, block: nn.Module, stages: Stages, measuring: Callable[[float], None],
        step: Callable[[], None],
    ) -> list[tuple[list[str], Tensor]]:  # fmt: skip
        """Scale what can be scaled of block `name`; linear layers that share their inputs, and these' moment [I, I].

        Raises UserError where the block computes no numbers.
        """
        options: QuantizeOptions = self._context.options
        names = {leaf: model.stored_parameter(f"{name}.{leaf}") or "" for leaf, _ in block.named_parameters()}
        layer = Layer(block, stages, _add, measuring)
        for group in layer.groups:
            require_numbers(group.seen.moment, f"{name}.{group.linears[0]}")
            group.makers = self._makers(block, group, names)
        found: dict[str, Tensor] = {}

        def factors_of(group: Group[Inputs]) -> Tensor:
            if group.linears[0] not in found:
                stored = [(linear, self._targets.get(names[f"{linear}.weight"])) for linear in group.linears]
                weights = [(block.get_parameter(f"{linear}.weight").data, dtype) for linear, dtype in stored if dtype]
                found[group.linears[0]] = best_factors(
                    weights, group.seen, options.bits, options.group, options.kind, step
                )
            return found[group.linears[0]]

        def stored(leaf: str, values: Tensor) -> Tensor:
            target = names[leaf] in self._targets
            return values if target else values.to(self._dtypes[names[leaf]]).to(values.dtype)

        made = layer.scale(factors_of, stored, _TOLERANCE, self._pairs)
        self._keep({names[leaf]: block.get_parameter(leaf).data for leaves in made.values() for leaf in leaves})
        moments = []
        for group in layer.groups:
            moment = group.seen.moment
            if group.factors is not None:
                moment.div_(group.factors).div_(group.factors[:, None])
                if not bool((group.factors == 1).all()):
                    self.count += sum(names[f"{linear}.weight"] in self._targets for linear in group.linears)
            moments.append((group.linears, moment))
        return moments

    def _makers(self, block: nn.Module, group: Group[Inputs], names: Mapping[str, str]) -> list[Maker]:
        """What may make a group's inputs, as far as this and the group can change: integers cannot."""
        linears = [names[f"{linear}.weight"] for linear in group.linears]
        if not any(name in self._targets for name in linears) or not all(name in self._dtypes for name in linears):
            return []
        return [
            maker
            for maker in group.makers
            if all(
                names[f"{maker.name}.{leaf}"] in self._dtypes
                for leaf, _ in block.get_submodule(maker.name).named_parameters(recurse=False)
            )
        ]

    def _keep(self, values: Mapping[str, Tensor]) -> None:
        kept = {name: tensor for name, tensor in values.items() if name not in self._targets}
        if kept:
            path = self._context.scratch / f"scaled-{len(self._files)}.safetensors"
            save_file({name: tensor.to("cpu", self._dtypes[name]).contiguous() for name, tensor in kept.items()}, path)
            self._files |= dict.fromkeys(kept, path)


def _add(seen: Inputs | None, inputs: Tensor) -> Inputs:
    """What was seen, with `inputs` [N, I] added."""
    sizes = inputs.abs().sum(0)
    if seen is None:
        return Inputs(add_moment(None, inputs), sizes)
    return Inputs(add_moment(seen.moment, inputs), seen.sizes.add_(sizes))
