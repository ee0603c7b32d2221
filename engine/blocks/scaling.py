"""One layer of a model: which of its linear layers can be scaled, and scaling them so that it answers as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from engine.blocks.stages import Stages
from engine.blocks.streamed import hidden_of

# Gives a parameter, by its name in the layer, the precision that it is kept in.
Stored = Callable[[str, Tensor], Tensor]
# What is measured of a layer's inputs.
Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Maker:
    """A module whose parameters scale what a group is given.

    Attributes:
        added: what the module itself adds to its weight before it multiplies: 1 for Gemma's norms, 0 for others.
    """

    name: str
    added: float = 0.0


@dataclass
class Group(Generic[Seen]):
    """Linear layers that are given the same tensor.

    Attributes:
        linears: their names in the layer.
        seen: what was measured of that tensor over all tokens.
        makers: what may make that tensor, likeliest first: a norm, or a linear layer beside it.
        factors: once scaled, what the weights' columns were multiplied by, float32 [I].
    """

    linears: list[str]
    seen: Seen
    makers: list[Maker] = field(default_factory=list)
    factors: Tensor | None = None


class Layer(Generic[Seen]):
    """The present block of `stages`, watched over all windows.

    Attributes:
        groups: its linear layers by what they are given, in the order of their calls.
    """

    def __init__(
        self, block: nn.Module, stages: Stages, measure: Callable[[Seen | None, Tensor], Seen],
        step: Callable[[float], None],
    ) -> None:  # fmt: skip
        """`measure` adds inputs [N, I] to what was seen of a group's inputs before (None at first)."""
        self._block, self._stages, self._measure, self._step = block, stages, measure, step
        self._made: list[tuple[Tensor, str]] = []
        self._given: list[tuple[Tensor, Group[Seen]]] = []
        self._leaders: dict[str, Group[Seen] | None] = {}
        with self._hooks():
            self._before = self._answers(None)
        self.groups = [group for _, group in self._given]
        self._made.clear()
        self._given.clear()
        for group in self.groups:
            group.makers = group.makers or self._beside(group)

    def scale(
        self, factors_of: Callable[[Group[Seen]], Tensor], stored: Stored, tolerance: float,
        pairs: dict[str, Maker | None],
    ) -> dict[str, list[str]]:  # fmt: skip
        """Scale what linear layers are given by what makes it, wherever the block then answers as before.

        Inputs are divided by the factors > 0 [I] of their group, and weights multiplied. `tolerance` is how far answers
        may be off, relative to the most that the layer changes its hidden states by. Answers the parameters that were
        changed, by the first linear layer of each group that was scaled. `pairs` are these layers and their makers in
        the block before (None where there was none), and then in this one: blocks are alike, so that one trial mostly
        does.
        """
        groups = [group for group in self.groups if group.makers]
        trial = partial(self._try, factors_of, stored, tolerance)
        likeliest = [(group, pairs.get(group.linears[0], group.makers[0])) for group in groups]
        made = trial([(group, maker) for group, maker in likeliest if maker is not None])
        if made is not None:
            return made
        found: dict[str, list[str]] = {}
        for group in groups:
            pairs[group.linears[0]] = None
            for maker in group.makers:
                made = trial([(group, maker)])
                if made is not None:
                    pairs[group.linears[0]] = maker
                    found |= made
                    break
        return found

    def _try(
        self, factors_of: Callable[[Group[Seen]], Tensor], stored: Stored, tolerance: float,
        pairs: list[tuple[Group[Seen], Maker]],
    ) -> dict[str, list[str]] | None:  # fmt: skip
        """Scale each group by its maker; None, and nothing is changed, where the block would answer otherwise."""
        kept: dict[str, Tensor] = {}
        made: dict[str, list[str]] = {}
        for group, maker in pairs:
            weights = [f"{name}.weight" for name in group.linears]
            module = self._block.get_submodule(maker.name)
            own = [f"{maker.name}.{leaf}" for leaf, _ in module.named_parameters(recurse=False)]
            for name in (*own, *weights):
                kept.setdefault(name, _values(self._block, name).clone())
            group.factors = self._divide(own, maker, factors_of(group), stored)
            for name in weights:
                values = _values(self._block, name)
                values.copy_(stored(name, values * group.factors))
            made[group.linears[0]] = [*own, *weights]
        if all(
            bool((now - old).abs().max() <= tolerance * (old - hidden).abs().max())
            for (_, now), (hidden, old) in zip(self._answers(1), self._before, strict=True)
        ):
            return made
        for name, values in kept.items():
            _values(self._block, name).copy_(values)
        for group, _ in pairs:
            group.factors = None
        return None

    def _divide(self, own: list[str], maker: Maker, factors: Tensor, stored: Stored) -> Tensor:
        """Divide the parameters of `maker`. The factors as they became: a norm's weight, in the precision that it is
        kept in, seldom holds its quotient exactly, and what follows makes up for that."""
        for name in sorted(own, key=lambda name: not name.endswith(".weight")):
            values = _values(self._block, name)
            before = values + maker.added
            scaled = stored(name, before / (factors if values.ndim == 1 else factors[:, None]) - maker.added)
            if values.ndim == 1 and name.endswith(".weight"):
                after = scaled + maker.added
                factors = torch.where((before != 0) & (after != 0), before / after, factors)
            values.copy_(scaled)
        return factors

    def _answers(self, most: int | None) -> list[tuple[Tensor, Tensor]]:
        """Send at most `most` batches through the block; the hidden states of the first, before and after each call."""
        answers: list[tuple[Tensor, Tensor]] = []
        first = True

        def step(share: float) -> None:
            nonlocal first
            first = not share
            self._step(share if most is None else 1.0)

        def keep(block: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            if first:
                answers.append((hidden_of(args, kwargs), output[0] if isinstance(output, tuple) else output))

        handle = self._block.register_forward_hook(keep, with_kwargs=True)
        try:
            self._stages.run(step, most)
        finally:
            handle.remove()
        return answers

    @contextmanager
    def _hooks(self) -> Iterator[None]:
        handles = []
        for name, module in self._block.named_modules():
            if isinstance(module, nn.Linear):
                handles.append(module.register_forward_pre_hook(self._watch(name)))
            elif isinstance(getattr(module, "weight", None), Tensor) and module.weight.ndim == 1:
                handles.append(module.register_forward_hook(self._note(name)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Tensor) -> None:
            if name not in self._leaders:
                self._leaders[name] = None
                self._made.append((output, name))

        return hook

    def _watch(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any) -> None:
            if name not in self._leaders:
                self._leaders[name] = self._lead(name, args[0])
            elif (group := self._leaders[name]) is not None:
                group.seen = self._measure(group.seen, _rows(args[0]))

        return hook

    def _lead(self, linear: str, given: Tensor) -> Group[Seen] | None:
        """The new group that linear layer `linear` is the first of; None where it joins one."""
        for tensor, group in self._given:
            if tensor is given:
                group.linears.append(linear)
                return None
        makers = [Maker(name, added) for tensor, name in self._made if tensor is given for added in (0.0, 1.0)]
        group = Group([linear], self._measure(None, _rows(given)), makers)
        self._given.append((given, group))
        return group

    def _beside(self, group: Group[Seen]) -> list[Maker]:
        """Linear layers under the same parent whose outputs are as many as this group's inputs, the last one first.

        In a gated FFN, that is “up”, whose outputs are only multiplied; in attention, “value”.
        """
        place = group.linears[0].rpartition(".")[0]
        width = _values(self._block, f"{group.linears[0]}.weight").shape[1]
        near = [
            f"{place}.{name}" if place else name
            for name, module in self._block.get_submodule(place).named_children()
            if isinstance(module, nn.Linear) and module.out_features == width
        ]
        return [Maker(name) for name in reversed(near) if name not in group.linears]


def _values(block: nn.Module, name: str) -> Tensor:
    return block.get_parameter(name).data


def _rows(inputs: Tensor) -> Tensor:
    return inputs.reshape(-1, inputs.shape[-1]).float()
