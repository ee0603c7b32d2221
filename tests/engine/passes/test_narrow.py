"""The mathematics of making layers narrower, held against independent formulations, and what a cut takes away."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.passes.narrow.cuts import Slices
from engine.passes.narrow.maths import centred, compensated, importance, most_important

KEPT = [0, 2, 3, 6, 7]


def _case(tokens: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return torch.randn(5, 8, generator=random), torch.randn(tokens, 8, generator=random) + 0.5


def test_what_stays_is_the_least_squares_solution_over_the_activations() -> None:
    weight, inputs = _case()
    found = compensated(weight, inputs.T @ inputs, KEPT, 1e-9)
    expected = np.linalg.lstsq(inputs[:, KEPT].double().numpy(), (inputs @ weight.T).double().numpy(), rcond=None)[0]
    np.testing.assert_allclose(found.numpy(), expected.T, atol=1e-5)


def test_damping_is_a_pull_towards_the_weights_as_they_were() -> None:
    weight, inputs = _case()
    damping, kept = 0.5, inputs[:, KEPT].double()
    pull = np.sqrt(damping * float((inputs.T @ inputs).diagonal()[KEPT].mean()))
    rows = np.concatenate([kept.numpy(), pull * np.eye(len(KEPT))])
    wanted = np.concatenate([(inputs @ weight.T).double().numpy(), pull * weight[:, KEPT].T.double().numpy()])
    expected = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    found = compensated(weight, inputs.T @ inputs, KEPT, damping)
    np.testing.assert_allclose(found.numpy(), expected.T, atol=1e-5)


def test_with_centred_moments_the_bias_is_the_intercept_of_the_least_squares() -> None:
    weight, inputs = _case()
    moment = centred(inputs.T @ inputs, inputs.sum(0), len(inputs))
    found = compensated(weight, moment, KEPT, 1e-9)
    design = np.concatenate([inputs[:, KEPT].double().numpy(), np.ones((len(inputs), 1))], 1)
    expected = np.linalg.lstsq(design, (inputs @ weight.T).double().numpy(), rcond=None)[0].T
    np.testing.assert_allclose(found.numpy(), expected[:, :-1], atol=1e-5)
    mean = inputs.mean(0)
    np.testing.assert_allclose((weight @ mean - found @ mean[KEPT]).numpy(), expected[:, -1], atol=1e-5)


def test_what_nobody_hears_changes_nothing_to_the_bit() -> None:
    weight, inputs = _case()
    inputs[:, [1, 4, 5]] = 0
    assert torch.equal(compensated(weight, inputs.T @ inputs, KEPT, 0.01), weight[:, KEPT])
    assert most_important(importance(weight, inputs.T @ inputs, 1), 5) == KEPT


def test_a_twin_takes_over_what_its_double_did() -> None:
    weight, inputs = _case()
    inputs[:, 1] = inputs[:, 0]
    inputs[:, 4] = -2 * inputs[:, 6]
    inputs[:, 5] = 0
    expected = weight[:, KEPT].clone()
    expected[:, 0] += weight[:, 1]
    expected[:, KEPT.index(6)] -= 2 * weight[:, 4]
    torch.testing.assert_close(compensated(weight, inputs.T @ inputs, KEPT, 1e-9), expected)


def test_too_little_text_is_damped_until_it_can_be_solved() -> None:
    weight, inputs = _case(tokens=2)
    assert torch.isfinite(compensated(weight, inputs.T @ inputs, KEPT, 1e-9)).all()
    with pytest.raises(ArithmeticError):
        compensated(weight, torch.full((8, 8), torch.nan), KEPT, 0.01)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_importance_is_the_energy_of_a_units_part_of_the_answer(size: int) -> None:
    weight, inputs = _case()
    parts = [inputs[:, u : u + size] @ weight[:, u : u + size].T for u in range(0, 8, size)]
    expected = torch.stack([part.square().sum() for part in parts])
    torch.testing.assert_close(importance(weight, inputs.T @ inputs, size), expected)


def test_of_equal_units_the_earlier_stay() -> None:
    assert most_important(torch.tensor([1.0, 2.0, 1.0, 1.0]), 2) == [0, 1]


def test_units_lie_in_every_part_of_a_fused_tensor() -> None:
    fused = Slices(0, ((0, 4), (12, 2), (18, 2)))  # three groups: two query heads of 2 each, a key, a value
    assert fused.rows([0, 2]) == [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 22, 23]
    assert fused.shorter((24, 7), 2) == (16, 7)
    assert Slices(1).shorter((4, 9), 5) == (4, 5)
