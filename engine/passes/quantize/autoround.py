"""AutoRound (Cheng et al. 2023, arXiv:2309.05516): learn which way each weight is rounded, and the range of each group,
by signed gradient descent, so that a whole block answers as it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from engine.blocks.stages import Stages
from engine.calibration.finite import require_numbers
from engine.calibration.options import ANSWERS_IN_MEMORY
from engine.grid.grid import Grid
from engine.passes.quantize.clip import Steps
from engine.passes.quantize.maths import half, round_to_nearest, stored
from engine.passes.quantize.spec import GridKind

# How far the ends of a range may move, as shares of those that rounding to nearest takes.
_NARROWEST, _WIDEST = 0.5, 1.5


class Call(NamedTuple):
    """What a block was called with, and the hidden states [B, T, H] that it answered before it was rounded."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    answer: Tensor


class Rounding:
    """What is learnt of one weight [O, I], starting from rounding to nearest.

    Attributes:
        offset: added to each weight before it is rounded, in steps, within ±0.5: float32 [O, G, n] (section 3, V).
        lower, upper: what the ends of each group's range are multiplied by: float32 [O, G] (alpha and beta).
            Symmetric groups have only `upper`.
    """

    def __init__(
        self, weight: Tensor, bits: int, group_size: int | None, kind: GridKind, scale_dtype: torch.dtype
    ) -> None:
        """The options are those of `round_to_nearest`."""
        self.nearest = round_to_nearest(weight, bits, group_size, kind, scale_dtype)
        self._kind, self._dtype, self._shape, self._group = kind, scale_dtype, weight.shape, group_size
        self._low, self._high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        self._groups = weight.float().reshape(weight.shape[0], -1, group_size or weight.shape[1])
        self._scale = self.nearest.scale.float()
        self._zero = torch.zeros_like(self._scale)
        if self.nearest.zero is not None:
            self._zero = self.nearest.zero.float()
        if self.nearest.minimum is not None:
            self._zero = self._low - self.nearest.minimum.float() / self._scale
        self.offset = torch.zeros_like(self._groups, requires_grad=True)
        self.lower = torch.ones_like(self._scale, requires_grad=kind != "symmetric")
        self.upper = torch.ones_like(self._scale, requires_grad=True)

    def weight(self) -> Tensor:
        """The rounded weight [O, I], float32; gradients reach what is learnt."""
        scale, zero, _ = self._levels()
        rounded: Tensor = _Rounded.apply(self.offset, scale, zero, self._groups, self._low, self._high)  # type: ignore[no-untyped-call]
        return rounded.reshape(self._shape)

    @torch.no_grad()
    def learn(self, rate: float) -> None:
        """Move everything by `rate` against the sign of its gradient (equation 5), and forget the gradients."""
        for values, least, most in (
            (self.offset, -0.5, 0.5), (self.lower, _NARROWEST, _WIDEST), (self.upper, _NARROWEST, _WIDEST)
        ):  # fmt: skip
            if values.grad is not None:
                values.sub_(values.grad.sign_(), alpha=rate).clamp_(least, most)
                values.grad = None

    @torch.no_grad()
    def grid(self) -> Grid:
        """What the weight is rounded to."""
        scale, zero, minimum = self._levels()
        values = (self._groups / scale.unsqueeze(-1)).add_(zero.unsqueeze(-1)).add_(self.offset)
        values = values.round_().clamp_(self._low, self._high)
        steps = Steps(scale.to(self._dtype), zero, minimum, self.nearest.bits, self._kind)
        return steps.grid(values.reshape(self._shape), self._group)

    def _levels(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Scale, zero among the integers, and of float offsets the minimum, [O, G], float32 as they can be stored."""
        if self._kind == "symmetric":
            return stored(self._scale * self.upper, self._dtype).float(), self._zero, None
        reach = (self.upper - 1) * (self._high - self._zero) + (self.lower - 1) * (self._zero - self._low)
        scale = self._scale * (1 + reach / (self._high - self._low))
        if self._kind == "asymmetric":
            scale = stored(scale, self._dtype).float()
            zero = self._low - (self._low - self._zero) * self._scale * self.lower / scale
            zero = zero + (zero.round() - zero).detach()  # rounding lets gradients through
            return scale, zero.clamp(self._low, self._high), None
        assert self.nearest.minimum is not None
        scale = stored(half(scale), self._dtype).float()
        minimum = half(self.nearest.minimum.float() * self.lower).to(self._dtype).float()
        return scale, self._low - minimum / scale, minimum


class _Rounded(torch.autograd.Function):
    """Rounding that lets gradients through (equation 3); it keeps little, for whole blocks are rounded at once."""

    @staticmethod
    def forward(ctx: Any, offset: Tensor, scale: Tensor, zero: Tensor, groups: Tensor, low: int, high: int) -> Tensor:
        values = (groups / scale.unsqueeze(-1)).add_(zero.unsqueeze(-1)).add_(offset).round_()
        inside = (values >= low) & (values <= high)
        values.clamp_(low, high)
        ctx.save_for_backward(values.to(torch.int8), inside, scale, zero, groups)
        return values.sub_(zero.unsqueeze(-1)).mul_(scale.unsqueeze(-1))

    @staticmethod
    def backward(ctx: Any, wrong: Tensor) -> Any:
        values, inside, scale, zero, groups = ctx.saved_tensors
        width = scale.unsqueeze(-1)
        through = wrong * inside
        by_zero = (through.sum(-1) - wrong.sum(-1)) * scale
        by_scale = (wrong * (values - zero.unsqueeze(-1))).sum(-1) - (through * groups).sum(-1) / scale
        return through.mul_(width), by_scale, by_zero, None, None, None


def calls_of(block: nn.Module, name: str, stages: Stages, step: Callable[[float], None]) -> list[Call]:
    """How the present block, called `name`, is called over all windows, as far as a bound of memory allows.

    Raises UserError where its answers are not numbers.
    """
    calls: list[Call] = []
    room = ANSWERS_IN_MEMORY

    def keep(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        nonlocal room
        answer = output[0] if isinstance(output, tuple) else output
        room -= sum(value.nbytes for value in (*args, *kwargs.values(), answer) if isinstance(value, Tensor))
        if room >= 0 or not calls:
            require_numbers(answer, name)
            calls.append(Call(args, kwargs, answer))

    hook = block.register_forward_hook(keep, with_kwargs=True)
    try:
        stages.run(step)
    finally:
        hook.remove()
    return calls


def tune(
    block: nn.Module, roundings: Mapping[str, Rounding], calls: Sequence[Call], steps: int, seed: int,
    step: Callable[[float], None] = lambda share: None,
) -> dict[str, Grid]:  # fmt: skip
    """The grids of linear layers of `block`, by name, with which its answers to `calls` are off least.

    Signed gradient descent over `steps` calls in random order, with a rate that falls from 1 / steps to 0 (section 3).
    All calls are looked at before, half-way and at the end, and the best of these is what counts: never worse than
    rounding to nearest. `step` hears often what share is done, and may raise Cancelled.
    """
    best = {name: rounding.nearest for name, rounding in roundings.items()}
    if not steps:
        return best
    looks = {0, steps // 2, steps}
    total = steps * 3 + len(looks) * len(calls)  # forth and back take three times as long as forth
    done, least = 0, torch.inf
    random = torch.Generator().manual_seed(seed)
    order: list[int] = []
    for turn in range(steps + 1):
        if turn in looks:
            loss = 0.0
            with torch.no_grad():
                weights = _weights(roundings)
                for call in calls:
                    step(done / total)
                    loss += float(_loss(block, weights, call))
                    done += 1
                del weights
            if loss < least:
                least = loss
                best = {name: rounding.grid() for name, rounding in roundings.items()} if turn else best
        if turn == steps:
            break
        step(done / total)
        order = order or torch.randperm(len(calls), generator=random).tolist()
        with torch.enable_grad():
            loss_of_one = _loss(block, _weights(roundings), calls[order.pop()])
            step((done + 1) / total)
            loss_of_one.backward()  # type: ignore[no-untyped-call]
        for rounding in roundings.values():
            rounding.learn((1 - turn / steps) / steps)
        done += 3
    return best


def _weights(roundings: Mapping[str, Rounding]) -> dict[str, Tensor]:
    return {f"{name}.weight": rounding.weight() for name, rounding in roundings.items()}


def _loss(block: nn.Module, weights: dict[str, Tensor], call: Call) -> Tensor:
    """The mean squared error of what the block answers with `weights`."""
    output = functional_call(block, weights, call.args, call.kwargs)
    hidden = output[0] if isinstance(output, tuple) else output
    loss: Tensor = (hidden - call.answer).square().mean()
    return loss
