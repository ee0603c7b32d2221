"""Fewer attention heads: every kind loads in plain Transformers and answers as it must."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from engine.calibration.windows import sample
from engine.checkpoint.inspect import inspect
from engine.passes.prune_heads.layout import cuts, heads_of
from engine.passes.prune_heads.spec import SPEC, PruneHeadsOptions
from tests.helpers import architectures, exported
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.narrow import silence
from tests.helpers.passes import run_pass

SMALL: dict[str, Any] = {"samples": 2, "tokens": 32}
IDS = torch.arange(3, 40)[None]
KINDS: dict[str, Callable[[Path], Path]] = {
    "Llama, groups, with biases": partial(architectures.decoder, name="llama with biases"),
    "Qwen 2, a group for each head": partial(architectures.decoder, name="qwen2", num_key_value_heads=4),
    "Gemma, one key for all": partial(architectures.decoder, name="gemma", num_key_value_heads=1),
    "Phi-3, all in one tensor": partial(architectures.decoder, name="phi3"),
    "Qwen 3, heads with norms": partial(architectures.decoder, name="qwen3"),
}
OTHERS = ["mistral with a window", "smollm3", "granite"]
EXPORTED = ["CohereForCausalLM", "Ernie4_5ForCausalLM", "Exaone4ForCausalLM", "Gemma2ForCausalLM",
            "Gemma3ForCausalLM", "Glm4ForCausalLM", "GlmForCausalLM", "HunYuanDenseV1ForCausalLM",
            "MinistralForCausalLM", "OlmoForCausalLM", "SeedOssForCausalLM", "Starcoder2ForCausalLM"]  # fmt: skip


def _logits(folder: Path, ids: torch.Tensor) -> torch.Tensor:
    """What plain Transformers computes, and that it writes."""
    model: Any = getattr(transformers, inspect(folder).architecture).from_pretrained(folder).eval()
    assert model.generate(ids[:1], max_new_tokens=3, do_sample=False).shape[1] > ids.shape[1]
    with torch.no_grad():
        logits: torch.Tensor = model(ids).logits
    return logits


def _unheard_heads_are_taken(source: Path, destination: Path) -> None:
    info = inspect(source)
    heads = heads_of(info)
    left = next(kept for kept in range(heads.units - 1, 0, -1) if heads.fits(kept))
    silence(source, cuts(info, left))
    run_pass("prune_heads", source, destination, groups=heads.units - left, **SMALL)
    before, after = _logits(source, IDS), _logits(destination, IDS)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-4 * float(before.abs().max()))
    fewer = heads_of(inspect(destination))
    assert fewer.size == heads.size
    assert fewer.queries == left * heads.together
    assert inspect(destination).config["head_dim"] == heads.size


@pytest.mark.parametrize("kind", KINDS)
def test_heads_that_nobody_hears_are_taken_and_plain_transformers_answers_as_before(tmp_path: Path, kind: str) -> None:
    _unheard_heads_are_taken(KINDS[kind](tmp_path / "source"), tmp_path / "fewer")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*OTHERS, *EXPORTED])
def test_other_decoders_too(tmp_path: Path, kind: str) -> None:
    make = architectures.decoder if kind in OTHERS else exported.decoder
    _unheard_heads_are_taken(make(tmp_path / "source", kind), tmp_path / "fewer")


def test_making_up_for_what_goes_brings_the_answers_to_the_text_nearer(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", hidden=64, spread=0.2)
    shown: dict[str, Any] = {"samples": 16, "tokens": 64}
    ids = sample(source, inspect(source), PruneHeadsOptions(**shown))
    wanted, *found = (
        _logits(folder, ids)
        for folder in (source, *(_fewer(source, tmp_path / str(on), compensate=on, **shown) for on in (True, False)))
    )
    far = [float((logits - wanted).square().mean()) for logits in found]
    assert far[0] < 0.9 * far[1]


def _fewer(source: Path, destination: Path, **options: Any) -> Path:
    run_pass("prune_heads", source, destination, groups=2, **options)
    return destination


def test_a_number_that_does_not_fit_is_refused_with_one_that_does(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)  # 4 groups of 2 in a width of 256
    texts = {}
    for groups in (1, 4):
        (problem,) = SPEC.check(info, PruneHeadsOptions(groups=groups), 0)
        assert problem.fix is not None
        texts[groups] = problem.text, problem.fix.label
    assert "6 query heads would be left" in texts[1][0]
    assert texts[1][1] == "Remove 2"
    assert "one has to stay" in texts[4][0]
    assert texts[4][1] == "Remove 3"
    assert list(SPEC.check(info, PruneHeadsOptions(groups=2), 0)) == []


def test_what_the_configuration_cannot_say_is_refused(tmp_path: Path, tiny_bert: Path) -> None:
    sources = {
        "no size of a head": [tiny_bert, architectures.decoder(tmp_path / "gpt2", "gpt2"),
                              exported.decoder(tmp_path / "opt", "OPTForCausalLM"),
                              exported.decoder(tmp_path / "neox", "GPTNeoXForCausalLM")],
        "relative positions": [tiny_text2text(tmp_path / "t5")],
    }  # fmt: skip
    for text, folders in sources.items():
        for folder in folders:
            (problem,) = SPEC.check(inspect(folder), PruneHeadsOptions(), 0)
            assert problem.severity == "stop"
            assert text in problem.text
