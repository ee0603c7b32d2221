"""The magnitude pruning pass: exactly the smallest weights, exactly as many as asked."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.passes.prune_magnitude.maths import GlobalThreshold, fill_ties, n_of_m, smallest
from engine.passes.prune_magnitude.spec import SPEC, PruneMagnitudeOptions
from tests.helpers.passes import run_pass


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**31 - 1), size=st.integers(1, 300), share=st.floats(0, 0.99), coarse=st.booleans())
def test_the_smallest_go_and_no_more(seed: int, size: int, share: float, coarse: bool) -> None:
    weight = torch.randn(1, size, generator=torch.Generator().manual_seed(seed))
    if coarse:  # many equal magnitudes
        weight = (weight * 2).round()
    count = round(size * share)
    mask = smallest(weight, count)
    assert int(mask.sum()) == count
    if 0 < count < size:
        assert weight[mask].abs().max() <= weight[~mask].abs().min()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31 - 1), share=st.floats(0.01, 0.99), coarse=st.booleans())
def test_two_passes_find_the_exact_threshold_of_the_whole_model(seed: int, share: float, coarse: bool) -> None:
    random = torch.Generator().manual_seed(seed)
    tensors = [torch.randn(7, 11, generator=random) * 10**scale for scale in (-3, 0, 2)]
    if coarse:
        tensors = [tensor.round() for tensor in tensors]
    k = max(1, round(231 * share))
    search = GlobalThreshold()
    for tensor in tensors:
        search.count(tensor)
    search.choose(k)
    for tensor in tensors:
        search.refine(tensor)
    threshold, ties = search.result(k)
    everything = torch.cat([tensor.flatten() for tensor in tensors]).abs()
    assert threshold == everything.sort().values[k - 1]
    assert int(fill_ties(everything < threshold, everything == threshold, ties).sum()) == k


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31 - 1), pattern=st.sampled_from([(2, 4), (4, 8), (1, 4), (3, 5)]), zeros=st.booleans())
def test_n_of_m_keeps_the_largest_of_each_group(seed: int, pattern: tuple[int, int], zeros: bool) -> None:
    keep, group = pattern
    weight = torch.randn(6, group * 4, generator=torch.Generator().manual_seed(seed))
    if zeros:
        weight[:, ::2] = 0
    mask = n_of_m(weight, keep, group).reshape(-1, group)
    assert torch.all(mask.sum(-1) == group - keep)
    magnitude = weight.abs().reshape(-1, group)
    assert torch.all(magnitude.masked_fill(~mask, 0).amax(-1) <= magnitude.masked_fill(mask, float("inf")).amin(-1))


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_the_share_asked_for_is_the_share_measured(tiny_llama: Path, tmp_path: Path, scope: str) -> None:
    facts = run_pass("prune_magnitude", tiny_llama, tmp_path / "p", sparsity=40, scope=scope)
    assert str(facts["weights set to zero"]).startswith("40.00%")
    before, after = Reader(tiny_llama), Reader(tmp_path / "p")
    shares = []
    for name in before:
        old, new = before.tensor(name), after.tensor(name)
        assert torch.equal(new[new != 0], old[new != 0])
        if ".mlp." in name or ".self_attn." in name:
            shares.append(float((new == 0).float().mean()))
        else:
            assert torch.equal(old, new)
    assert (max(shares) - min(shares) < 1e-4) is (scope == "layer")
    load_model(tmp_path / "p")


def test_a_pattern_and_a_choice_of_layers(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("prune_magnitude", tiny_llama, tmp_path / "p", structure="n:m", include=["*.mlp.*"], exclude=["down_proj"])
    reader = Reader(tmp_path / "p")
    up = reader.tensor("model.layers.0.mlp.up_proj.weight")
    assert torch.all((up.reshape(-1, 4) == 0).sum(-1) == 2)
    assert not torch.any(reader.tensor("model.layers.0.mlp.down_proj.weight") == 0)


def test_conv1d_patterns_follow_the_inputs(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=64, n_embd=24, n_layer=2, n_head=2, n_positions=32, bos_token_id=0, eos_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    run_pass("prune_magnitude", tmp_path / "gpt2", tmp_path / "p", structure="n:m")
    reader = Reader(tmp_path / "p")
    weight = reader.tensor("transformer.h.0.attn.c_attn.weight")  # [in, out]
    assert torch.all((weight.T.reshape(-1, 4) == 0).sum(-1) == 2)


@pytest.mark.parametrize(
    ("options", "text", "fix"),
    [
        ({"structure": "n:m", "keep": 4, "group": 4}, "removes nothing", "Use 2:4"),
        ({"structure": "n:m", "keep": 1, "group": 3}, "do not divide", "Use 4:8"),
        ({"include": ("nowhere",)}, "No layer is chosen", "Choose all layers"),
    ],
)
def test_what_does_not_fit_comes_with_a_fix(tiny_llama: Path, options: dict[str, object], text: str, fix: str) -> None:
    problem = next(iter(SPEC.check(inspect(tiny_llama), PruneMagnitudeOptions(**options), 0)))
    assert problem.severity == "stop"
    assert text in problem.text
    assert problem.fix is not None
    assert problem.fix.label == fix
