from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.catalogue import load
from engine.metrics.base import DecodeRound, Observed, Peaks, RequestRound, TokenScores
from engine.metrics.catalog import all_metrics, get
from engine.metrics.logits import best, divergence, negative_log_likelihood, overlap, squared_error
from engine.metrics.measure import measure_all
from engine.metrics.shared_tokens.run import median_interval
from engine.metrics.shares import wilson
from engine.metrics.spearman.run import correlation, ranks
from engine.protocol.errors import UserError
from engine.protocol.measurement import STANDARD, Measurement

ROUNDS = (DecodeRound(0.2, (0.02, 0.02, 0.04), 100), DecodeRound(0.25, (0.02, 0.02, 0.02), 100))


def value(name: str, observed: Observed) -> float:
    measurement = load(get(name).run)(observed)
    assert measurement is not None
    assert measurement.low <= measurement.value <= measurement.high
    return float(measurement.value)


def test_every_entry_loads_and_agrees_with_the_standard_names() -> None:
    for name, spec in all_metrics().items():
        assert callable(load(spec.run))
        assert (spec.unit, spec.better) == STANDARD[name]
        assert spec.help.endswith(".")
        assert spec.run == f"engine.metrics.{name}.run:measure"


def test_an_unknown_metric_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="no metric “speed”"):
        get("speed")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("decode_tokens_per_second", (3 / 0.08 + 50) / 2),
        ("inter_token_latency_seconds", 0.02),
        ("ttft_seconds", 0.225),
        ("prefill_tokens_per_second", 450),
    ],
)
def test_decoder_speed(name: str, expected: float) -> None:
    assert value(name, Observed(1, rounds=ROUNDS)) == pytest.approx(expected)


def test_encoder_speed() -> None:
    observed = Observed(1, requests=(RequestRound(0.08, 8, 128), RequestRound(0.16, 8, 128)))
    assert value("request_seconds", observed) == pytest.approx(0.015)
    assert value("requests_per_second", observed) == pytest.approx(75)


def test_what_was_not_observed_gives_no_measurement() -> None:
    found = measure_all(Observed(1000), "text-generation")
    assert [m.name for m in found] == ["weight_bytes"]
    assert found[0] == Measurement.exact("weight_bytes", 1000)


def test_memory_names_gpu_only_where_there_is_one() -> None:
    found = measure_all(Observed(1, peaks=Peaks(5000)), "text-generation")
    assert {m.name: m.value for m in found} == {"peak_rss_bytes": 5000, "weight_bytes": 1}
    found = measure_all(Observed(1, peaks=Peaks(5000, 700)), "text-generation")
    assert {m.name: m.value for m in found}["peak_gpu_bytes"] == 700


def test_scores_from_logits_equal_torch() -> None:
    random = np.random.default_rng(0)
    reference = (10 * random.standard_normal((70, 33))).astype(np.float32)
    candidate = reference + random.standard_normal((70, 33)).astype(np.float32)
    targets = random.integers(0, 33, 70)
    p, q = torch.from_numpy(reference).double().log_softmax(-1), torch.from_numpy(candidate).double().log_softmax(-1)
    nll = torch.nn.functional.nll_loss(q, torch.from_numpy(targets), reduction="none")
    np.testing.assert_allclose(negative_log_likelihood(candidate, targets), nll, rtol=1e-9)
    kl, agree = divergence(reference, candidate)
    np.testing.assert_allclose(kl, (p.exp() * (p - q)).sum(-1), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(agree, (p.argmax(-1) == q.argmax(-1)).double())


def test_scores_survive_extreme_logits() -> None:
    """Values at the end of float32, a probability of exactly 0, and a padded vocabulary."""
    reference = np.array([[3e38, -3e38, 0.0], [-np.inf, 1.0, 1.0]], dtype=np.float32)
    candidate = np.array([[3e38, -3e38, 0.0, 9.0], [-5.0, 1.0, 1.0, 9.0]], dtype=np.float32)
    kl, agree = divergence(reference, candidate)
    assert np.isfinite(kl).all()
    assert kl[0] == 0.0
    assert agree.tolist() == [1.0, 1.0]
    assert negative_log_likelihood(reference[:1], np.array([0])) == [0.0]


def test_perplexity_divergence_and_agreement_over_a_text() -> None:
    blocks = np.repeat(np.arange(10), 8)
    nll = np.log(np.where(np.arange(80) % 2, 4.0, 9.0))
    agree = (np.arange(80) % 4 > 0).astype(float)
    observed = Observed(
        1, scores=TokenScores(blocks, nll=nll, kl=nll / 100, agree=agree), conditions={"quality": {"text": "x.txt"}}
    )
    assert value("perplexity", observed) == pytest.approx(6.0)
    assert value("kl_divergence_nats", observed) == pytest.approx(np.log(6) / 100)
    assert value("top1_agreement", observed) == pytest.approx(0.75)
    found = {m.name: m for m in measure_all(observed, "text-generation", is_reference=True)}
    assert "perplexity" in found
    assert "kl_divergence_nats" not in found  # the reference has none
    assert found["perplexity"].conditions == {"text": "x.txt"}
    assert found["perplexity"].samples == 80


def test_full_agreement_still_has_an_honest_interval() -> None:
    scores = TokenScores(np.arange(50), agree=np.ones(50), kl=np.zeros(50))
    found = load(get("top1_agreement").run)(Observed(1, scores=scores))
    assert found.value == found.high == 1.0
    assert 0.9 < found.low < 1.0


def test_spearman_shares_ranks_among_ties() -> None:
    assert ranks(np.array([10.0, 20.0, 20.0, 5.0])).tolist() == [2.0, 3.5, 3.5, 1.0]
    assert correlation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 4.0, 9.0, 16.0])) == pytest.approx(1.0)
    # scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])
    assert correlation(np.array([1, 2, 3, 4, 5]), np.array([5, 6, 7, 8, 7])) == pytest.approx(0.8207826816681233)
    random = np.random.default_rng(0)
    gold = random.random(200)
    assert value("spearman", Observed(1, similarities=gold + random.random(200) / 2, gold=gold)) > 0.7


def test_accuracy_and_cosine() -> None:
    assert value("accuracy", Observed(1, correct=np.array([1.0, 1.0, 0.0, 1.0]))) == 0.75
    assert wilson(0, 10)[0] == pytest.approx(0.0)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert value("cosine_agreement", Observed(1, cosines=np.array([0.99, 1.0, 0.98]))) == pytest.approx(0.99)


def test_the_share_of_right_guesses_is_told_where_tokens_were_guessed() -> None:
    guessed = (DecodeRound(0.2, (0.02,), 9, drafted=8, accepted=6), DecodeRound(0.2, (0.02,), 9, drafted=2, accepted=1))
    assert value("acceptance_rate", Observed(weight_bytes=1, rounds=guessed)) == pytest.approx(0.7)
    assert load(get("acceptance_rate").run)(Observed(weight_bytes=1, rounds=ROUNDS)) is None


def test_top_five_and_squared_error_of_logits() -> None:
    random = np.random.default_rng(0)
    reference = random.standard_normal((40, 50)).astype(np.float32)
    candidate = reference + 0.3 * random.standard_normal((40, 50)).astype(np.float32)
    shared = overlap(best(reference), best(candidate))
    expected = [
        len(set(np.argsort(a)[-5:]) & set(np.argsort(b)[-5:])) / 5 for a, b in zip(reference, candidate, strict=True)
    ]
    np.testing.assert_allclose(shared, expected)
    np.testing.assert_allclose(squared_error(reference, candidate), ((reference - candidate) ** 2).mean(-1), rtol=1e-5)
    assert overlap(best(reference[:, :3]), best(candidate[:, :3])).tolist() == [1.0] * 40


def test_squared_error_leaves_out_what_is_ruled_out_or_one_sided() -> None:
    reference = np.array([[1.0, -np.inf, 3.0]], dtype=np.float32)
    candidate = np.array([[2.0, 5.0, 3.0, 9.0]], dtype=np.float32)
    assert squared_error(reference, candidate).tolist() == [0.5]


def test_top_five_and_logit_error_over_a_text() -> None:
    blocks = np.repeat(np.arange(10), 8)
    scores = TokenScores(blocks, top5=np.tile([0.8, 1.0], 40), squared=np.tile([0.1, 0.3], 40))
    assert value("top5_agreement", Observed(1, scores=scores)) == pytest.approx(0.9)
    assert value("logit_error", Observed(1, scores=scores)) == pytest.approx(0.2)


def test_shared_tokens_tell_the_median_and_how_sure_it_is() -> None:
    found = load(get("shared_tokens").run)(Observed(1, parted=np.array([3.0, 64.0, 12.0, 20.0, 7.0, 64.0])))
    assert (found.value, found.low, found.high) == (16.0, 3.0, 64.0)
    assert found.confidence == pytest.approx(1 - 2 / 64)
    assert found.values == (3.0, 64.0, 12.0, 20.0, 7.0, 64.0)
    # R: the 95 % interval of a median of 10 is the 2nd to the 9th, at 97.9 %
    assert median_interval(np.arange(1.0, 11.0)) == (2.0, 9.0, pytest.approx(1 - 22 / 1024))
    assert median_interval(np.array([4.0])) == (4.0, 4.0, 0.0)


def test_questions_neighbours_and_f1() -> None:
    assert value("task_accuracy", Observed(1, answered=np.array([1.0, 0.0, 1.0, 1.0]))) == 0.75
    assert value("neighbours_kept", Observed(1, neighbours=np.array([0.8, 1.0, 0.6]))) == pytest.approx(0.8)
    gold, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    # sklearn.metrics.f1_score(gold, predicted, average="macro")
    assert value("f1", Observed(1, classes=predicted, labels=gold)) == pytest.approx((2 / 3 + 0.8 + 0) / 3)
