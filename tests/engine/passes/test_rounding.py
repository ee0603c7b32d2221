"""The maths of rounding by activations, held against independent formulations of what each method states."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.calibration.inverse import compensation
from engine.grid.grid import dequantise
from engine.passes.quantize.autoround import Call, Rounding, tune
from engine.passes.quantize.awq import POWERS, Inputs, best_factors, factors
from engine.passes.quantize.clip import best_steps, clip
from engine.passes.quantize.gptq import gptq
from engine.passes.quantize.maths import round_to_nearest
from engine.passes.quantize.spec import GridKind
from engine.protocol.errors import Cancelled

KINDS: tuple[GridKind, ...] = ("symmetric", "asymmetric", "float_offset")


def weight_and_moment(rows: int, columns: int, tokens: int = 400) -> tuple[Tensor, Tensor]:
    """A random weight [rows, columns] and Σ x xᵀ of correlated activations of very different sizes."""
    random = torch.Generator().manual_seed(7)
    mix = torch.randn(columns, columns, generator=random) * torch.rand(columns, generator=random).exp()
    inputs = torch.randn(tokens, columns, generator=random) @ mix
    return torch.randn(rows, columns, generator=random) * 0.1, inputs.T @ inputs


def loss(weight: Tensor, rounded: Tensor, moment: Tensor) -> float:
    """tr(ΔW H ΔWᵀ)."""
    wrong = (rounded - weight).double()
    return float((wrong @ moment.double() * wrong).sum())


@pytest.mark.parametrize("act_order", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_gptq_is_the_best_update_after_every_column(kind: GridKind, act_order: bool) -> None:
    """After each column is rounded, those left are set anew, from scratch, to what loses least given all errors so far:
    the normal equations of tr(ΔW H ΔWᵀ) in float64 instead of GPTQ's factor of the inverse."""
    weight, moment = weight_and_moment(5, 192)
    given = compensation(moment, 0.01, act_order)
    grid = gptq(weight, given, 4, 32, kind)
    steps = best_steps(weight, given.importance, 4, 32, kind)

    damped = moment.double() + 0.01 * moment.diagonal().double().mean() * torch.eye(192)
    order = torch.argsort(moment.diagonal(), descending=True) if act_order else torch.arange(192)
    now, errors = weight.double().clone(), torch.zeros(5, 192, dtype=torch.float64)
    expected = torch.zeros(5, 192, dtype=torch.int8)
    for place, column in enumerate(order.tolist()):
        scale, zero = steps.scale[:, column // 32].double(), steps.zero[:, column // 32].double()
        integers = (now[:, column] / scale + zero).round().clamp(-8, 7)
        expected[:, column] = integers.to(torch.int8)
        errors[:, column] = weight[:, column].double() - (integers - zero) * scale
        past, rest = order[: place + 1], order[place + 1 :]
        if len(rest):
            pull = errors[:, past] @ damped[past][:, rest]
            now[:, rest] = weight[:, rest].double() + torch.linalg.solve(damped[rest][:, rest], pull.T).T
    assert torch.equal(grid.values, expected)
    assert torch.equal(grid.scale, steps.scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group_size", [None, 16, 128])
@pytest.mark.parametrize("running", [True, False])
def test_gptq_changes_outputs_less_than_clipping_and_clipping_less_than_nearest(
    kind: GridKind, group_size: int | None, running: bool
) -> None:
    weight, moment = weight_and_moment(24, 256)
    given = compensation(moment, 0.01, act_order=not running)
    whole = loss(weight, dequantise(gptq(weight, given, 4, group_size, kind, running)), moment)
    clipped = loss(weight, dequantise(clip(weight, moment.diagonal(), 4, group_size, kind)), moment)
    nearest = loss(weight, dequantise(round_to_nearest(weight, 4, group_size, kind)), moment)
    assert whole < 0.6 * clipped
    assert clipped < 1.05 * nearest  # what it minimises is the diagonal; errors of different columns may still add up


@pytest.mark.parametrize("kind", KINDS)
def test_clipping_finds_what_an_exhaustive_search_does(kind: GridKind) -> None:
    random = torch.Generator().manual_seed(3)
    weight, importance = torch.randn(40, 32, generator=random), torch.rand(32, generator=random).exp()
    found = dequantise(clip(weight, importance, 4, None, kind))
    error = ((found - weight).square() * importance).sum(dim=1)

    widest = (
        (weight.amax(dim=1) - weight.amin(dim=1))[:, None] if kind != "symmetric" else 2 * weight.abs().amax(1)[:, None]
    )
    scales = widest / 15 * torch.linspace(0.4, 1.15, 301)  # [40, S]
    zeros = {
        "symmetric": torch.zeros(1),
        "asymmetric": torch.arange(-8.0, 8.0),
        "float_offset": torch.linspace(-14.0, 14.0, 281),
    }[kind]
    best = torch.full((40,), torch.inf)
    for zero in zeros:
        values = (weight[:, None] / scales[..., None] + zero).round().clamp(-8, 7)
        wrong = ((values - zero) * scales[..., None] - weight[:, None]).square() * importance
        best = torch.minimum(best, wrong.sum(dim=-1).amin(dim=1))
    assert float((error / best).mean()) < 1.04
    assert float((error / best).max()) < 1.5


def test_columns_that_are_never_used_and_a_singular_moment() -> None:
    weight, _ = weight_and_moment(8, 64)
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(3, 64, generator=random)  # three tokens: rank 3
    inputs[:, 10:20] = 0
    moment = inputs.T @ inputs
    given = compensation(moment, 0.01, True)
    grid = gptq(weight, given, 4, 32, "symmetric")
    nearest = best_steps(weight, moment.diagonal(), 4, 32, "symmetric")
    alone = nearest.round(weight.reshape(8, 2, 32)).reshape(8, 64).to(torch.int8)
    assert torch.equal(grid.values[:, 10:20], alone[:, 10:20])  # nothing is made up for there
    assert loss(weight, dequantise(grid), moment) < loss(weight, dequantise(nearest.grid(alone, 32)), moment)
    nothing = gptq(weight, compensation(torch.zeros(64, 64), 0.01, True), 4, 32, "symmetric")
    assert torch.isfinite(nothing.scale).all()


def test_damping_grows_until_the_moment_can_be_inverted() -> None:
    column = torch.full((5000, 1), 1000.0)  # wider than float64 is used for: one direction of all
    given = compensation(column @ column.T, 1e-9, False)
    assert given.damping > 1e-9
    assert torch.isfinite(given.upper).all()


def test_scales_hold_in_the_type_they_are_stored_in() -> None:
    weight, moment = weight_and_moment(8, 64)
    for grid in (
        clip(weight, moment.diagonal(), 4, 32, "symmetric", torch.bfloat16),
        gptq(weight, compensation(moment, 0.01, True), 4, 32, "float_offset", False, torch.bfloat16),
    ):
        assert grid.scale.dtype == torch.bfloat16
        assert grid.minimum is None or torch.equal(grid.minimum, grid.minimum.bfloat16())


def test_a_wide_weight_can_be_cancelled_within() -> None:
    weight, moment = weight_and_moment(8, 512)

    def step() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        gptq(weight, compensation(moment, 0.01, True), 4, 32, "symmetric", step=step)


@pytest.mark.parametrize("kind", KINDS)
def test_awq_takes_the_power_that_changes_outputs_least(kind: GridKind) -> None:
    """Held against products with the inputs themselves, rounded as 8-bit nearest does: over the whole range."""
    random = torch.Generator().manual_seed(5)
    inputs = torch.randn(300, 64, generator=random) * torch.randn(64, generator=random).mul(1.5).exp()
    weights = [torch.randn(rows, 64, generator=random) for rows in (6, 9)]
    given = Inputs(inputs.T @ inputs, inputs.abs().sum(0))
    found = best_factors([(weight, torch.float32) for weight in weights], given, 8, 32, kind)
    errors = []
    for power in POWERS:
        size = inputs.abs().mean(0).double() ** power
        size /= size.log().mean().exp()
        torch.testing.assert_close(factors(given.sizes, power).double(), size, rtol=1e-5, atol=0)
        rounded = [dequantise(round_to_nearest((w * size).float(), 8, 32, kind)).double() for w in weights]
        errors.append(sum(
            float((inputs.double() / size @ r.T - inputs.double() @ w.double().T).square().sum())
            for r, w in zip(rounded, weights, strict=True)
        ))  # fmt: skip
    best = min(range(len(errors)), key=errors.__getitem__)
    assert best > 0
    torch.testing.assert_close(found, factors(given.sizes, POWERS[best]))


def test_awq_leaves_alone_what_scaling_does_not_help() -> None:
    random = torch.Generator().manual_seed(5)
    sizes = torch.tensor([1.0, 0.0, 4.0, 1.0])
    assert factors(sizes, 0.5)[1] == 1  # a channel that is never used
    weight = torch.randint(0, 16, (16, 32), generator=random).float()  # on a grid already
    weight[:, :2] = torch.tensor([0.0, 15.0])
    given = Inputs(torch.eye(32), torch.rand(32, generator=random).mul(6).exp())
    found = best_factors([(weight, torch.float32)], given, 4, 32, "asymmetric")
    assert torch.equal(found, torch.ones(32))


class _Block(torch.nn.Module):
    """Two linear layers with a bend between."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.up = torch.nn.Linear(64, 96)
        self.down = torch.nn.Linear(96, 64, bias=False)
        self.requires_grad_(False)

    def forward(self, hidden: Tensor) -> tuple[Tensor]:
        return (hidden + self.down(torch.nn.functional.silu(self.up(hidden))),)


@pytest.mark.parametrize("kind", KINDS)
def test_autoround_never_loses_to_nearest_and_mostly_wins(kind: GridKind) -> None:
    block, random = _Block(), torch.Generator().manual_seed(4)
    mix = torch.randn(64, 64, generator=random)
    inputs = [torch.randn(2, 16, 64, generator=random) @ mix for _ in range(6)]
    calls = [Call((hidden,), {}, block(hidden)[0]) for hidden in inputs]

    def tuned(steps: int) -> tuple[float, dict[str, Rounding], dict[str, Tensor]]:
        own = {name: Rounding(getattr(block, name).weight, 4, 32, kind, torch.float32) for name in ("up", "down")}
        grids = {f"{name}.weight": dequantise(grid) for name, grid in tune(block, own, calls, steps, 0).items()}
        outputs = [torch.func.functional_call(block, grids, (hidden,))[0] for hidden in inputs]
        wrong = sum(float((out - call.answer).square().sum()) for out, call in zip(outputs, calls, strict=True))
        return wrong, own, grids

    nearest, own, grids = tuned(0)
    for name, rounding in own.items():
        assert torch.equal(
            grids[f"{name}.weight"], dequantise(round_to_nearest(getattr(block, name).weight, 4, 32, kind))
        )
        torch.testing.assert_close(dequantise(rounding.grid()), grids[f"{name}.weight"])
    assert tuned(1)[0] <= nearest  # one step as large as can be
    learnt, own, grids = tuned(200)
    assert learnt < 0.97 * nearest
    assert all(0 < float(rounding.offset.detach().abs().max()) <= 0.5 for rounding in own.values())
    assert all(torch.equal(grids[name], again) for name, again in tuned(200)[2].items())
