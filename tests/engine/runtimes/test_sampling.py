import numpy as np
import pytest

from engine.protocol.errors import UserError
from engine.protocol.job import Sampling
from engine.runtimes.sampling import Sampler

LOGITS = np.log(np.array([0.05, 0.5, 0.15, 0.3], dtype=np.float32))


def picks(sampling: Sampling, logits: np.ndarray = LOGITS, count: int = 4000) -> np.ndarray:
    sampler = Sampler(sampling)
    return np.bincount([sampler.pick(logits) for _ in range(count)], minlength=4) / count


def test_temperature_zero_is_greedy() -> None:
    assert Sampler(None).pick(LOGITS) == 1
    assert Sampler(Sampling(temperature=0.0, seed=5)).pick(LOGITS) == 1


def test_tokens_come_with_their_probability() -> None:
    np.testing.assert_allclose(picks(Sampling(temperature=1.0)), [0.05, 0.5, 0.15, 0.3], atol=0.03)


def test_temperature_sharpens() -> None:
    expected = np.array([0.05, 0.5, 0.15, 0.3]) ** 2
    np.testing.assert_allclose(picks(Sampling(temperature=0.5)), expected / expected.sum(), atol=0.03)


def test_top_k_keeps_the_k_likeliest() -> None:
    np.testing.assert_allclose(picks(Sampling(temperature=1.0, top_k=2)), [0, 0.625, 0, 0.375], atol=0.03)


def test_top_p_keeps_the_smallest_set_that_reaches_p() -> None:
    np.testing.assert_allclose(picks(Sampling(temperature=1.0, top_p=0.7)), [0, 0.625, 0, 0.375], atol=0.03)
    assert picks(Sampling(temperature=1.0, top_p=0.4))[1] == 1.0


def test_same_seed_same_tokens_though_logits_differ_by_rounding() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-6, (200, 4)).astype(np.float32)
    one, other = (Sampler(Sampling(temperature=1.0, top_p=0.9, seed=3)) for _ in range(2))
    assert [one.pick(LOGITS) for _ in noise] == [other.pick(LOGITS + n) for n in noise]


def test_seeds_differ() -> None:
    one, other = (Sampler(Sampling(temperature=1.0, seed=seed)) for seed in (1, 2))
    assert [one.pick(LOGITS) for _ in range(50)] != [other.pick(LOGITS) for _ in range(50)]


def test_probability_is_the_models_own() -> None:
    assert Sampler(Sampling(temperature=3.0, top_k=1)).probability(LOGITS, 3) == pytest.approx(0.3, rel=1e-6)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_overflow_is_told(broken: float) -> None:
    with pytest.raises(UserError, match="not a number"):
        Sampler(None).pick(np.array([0.0, broken], dtype=np.float32))
