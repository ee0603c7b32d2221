"""Narrower feed-forward networks: every kind loads in plain Transformers and answers as it must."""

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
from engine.passes.prune_ffn.layout import cuts
from engine.passes.prune_ffn.spec import SPEC, PruneFfnOptions, left
from engine.protocol.errors import Cancelled
from engine.recipe.recipe import Recipe
from engine.recipe.validate import problems
from tests.helpers import architectures, exported
from tests.helpers.checkpoints import tiny_bert as make_bert
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.narrow import silence
from tests.helpers.passes import run_pass

SMALL: dict[str, Any] = {"share": 40.0, "samples": 8, "tokens": 32}
IDS = torch.arange(3, 40)[None]
KINDS: dict[str, Callable[[Path], Path]] = {
    "Llama, with biases": partial(architectures.decoder, name="llama with biases"),
    "Phi-3, gate and up in one": partial(architectures.decoder, name="phi3"),
    "GPT-2, Conv1D": partial(architectures.decoder, name="gpt2"),
    "OPT": partial(exported.decoder, architecture="OPTForCausalLM"),
    "GPT-NeoX": partial(exported.decoder, architecture="GPTNeoXForCausalLM"),
    "BERT": make_bert,
    "T5, gated": tiny_text2text,
    "T5, plain": partial(tiny_text2text, feed_forward_proj="relu"),
    "BART": partial(tiny_text2text, kind="bart", encoder_ffn_dim=192),
    "Marian": partial(tiny_text2text, kind="marian"),
}
MORE: dict[str, Callable[[Path], Path]] = {
    **{name: partial(exported.decoder, architecture=name) for name in sorted(exported.DECODERS)},
    **{
        name: partial(architectures.decoder, name=name)
        for name in ("mistral with a window", "qwen2", "qwen3", "smollm3", "granite", "gemma")
    },
}
WITHOUT_WIDTH = "BloomForCausalLM"


def _answers(folder: Path, ids: torch.Tensor = IDS) -> torch.Tensor:
    """What plain Transformers computes, and that it writes."""
    kind = inspect(folder).architecture
    model: Any = getattr(transformers, kind).from_pretrained(folder).eval()
    with torch.no_grad():
        if model.can_generate():
            assert model.generate(ids, max_new_tokens=3, do_sample=False).shape[1] > 1
        extra = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
        answer: torch.Tensor = model(input_ids=ids, **extra)[0]
    return answer


def _unheard_neurons_are_taken(source: Path, destination: Path) -> None:
    info, options = inspect(source), PruneFfnOptions(**SMALL)
    silence(source, cuts(info, lambda width: left(options, width)))
    run_pass("prune_ffn", source, destination, **SMALL)
    before, after = _answers(source), _answers(destination)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-4 * float(before.abs().max()))
    assert inspect(destination).parameters < info.parameters


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_that_nobody_hears_are_taken_and_plain_transformers_answers_as_before(
    tmp_path: Path, kind: str
) -> None:
    _unheard_neurons_are_taken(KINDS[kind](tmp_path / "source"), tmp_path / "narrow")


@pytest.mark.slow
@pytest.mark.parametrize("kind", MORE)
def test_other_decoders_too(tmp_path: Path, kind: str) -> None:
    source = MORE[kind](tmp_path / "source")
    if kind == WITHOUT_WIDTH:
        (problem,) = SPEC.check(inspect(source), PruneFfnOptions(**SMALL), 0)
        assert "no place for another width" in problem.text
        return
    _unheard_neurons_are_taken(source, tmp_path / "narrow")


@pytest.mark.parametrize("kind", ["llama with biases", "gpt2"])
def test_making_up_for_what_goes_brings_the_answers_to_the_text_nearer(tmp_path: Path, kind: str) -> None:
    source = architectures.decoder(tmp_path / "source", kind)
    shown: dict[str, Any] = {"samples": 16, "tokens": 64}
    ids = sample(source, inspect(source), PruneFfnOptions(**shown))
    far = []
    for compensate in (True, False):
        target = tmp_path / str(compensate)
        run_pass("prune_ffn", source, target, share=25.0, compensate=compensate, **shown)
        far.append(float((_answers(target, ids) - _answers(source, ids)).square().mean()))
    assert far[0] < 0.8 * far[1]


def test_the_same_seed_writes_the_same_bytes(tiny_llama: Path, tmp_path: Path) -> None:
    for turn in "ab":
        run_pass("prune_ffn", tiny_llama, tmp_path / turn, seed=3, **SMALL)
    one, two = ((tmp_path / turn / "model.safetensors").read_bytes() for turn in "ab")
    assert one == two
    assert inspect(tmp_path / "a").config["intermediate_size"] == 320  # 40 % of 512 less, in steps of 32


def test_what_stays_is_a_multiple_and_at_least_one() -> None:
    assert left(PruneFfnOptions(share=20.0), 688) == 544
    assert left(PruneFfnOptions(share=95.0), 64) == 32
    assert left(PruneFfnOptions(share=30.0, multiple=1), 10) == 7


def test_a_share_that_removes_none_is_refused_with_one_that_does(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    recipe = Recipe.parse({"passes": [{"pass": "prune_ffn", "options": {"share": 1.0}}]})
    (problem,) = SPEC.check(info, PruneFfnOptions(share=1.0), 0)
    assert problem.fix is not None
    assert [p for p in problems(problem.fix.apply(recipe), info) if p.index == 0] == []


def test_experts_and_rounded_weights_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    info = inspect(tiny_llama)
    experts = info.model_copy(update={"config": {**info.config, "num_local_experts": 4}})
    (problem,) = SPEC.check(experts, PruneFfnOptions(), 0)
    assert "experts" in problem.text
    run_pass("quantize", tiny_llama, tmp_path / "q")
    (problem,) = SPEC.check(inspect(tmp_path / "q"), PruneFfnOptions(), 0)
    assert "integers already" in problem.text


@pytest.mark.parametrize("later", ["quantize", "smooth", "mixed_precision", "prune_magnitude"])
@pytest.mark.parametrize("name", ["prune_ffn", "prune_heads"])
def test_it_comes_before_what_depends_on_the_numbers(later: str, name: str) -> None:
    found = problems(Recipe.parse({"passes": [{"pass": later}, {"pass": name}]}), None)
    assert any(problem.index == 1 and "must come before" in problem.text for problem in found)


def test_it_stops_when_asked(tiny_llama: Path, tmp_path: Path) -> None:
    def stop(done: float, total: float, text: str) -> None:
        if done >= 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_pass("prune_ffn", tiny_llama, tmp_path / "p", stop, **SMALL)
    assert not (tmp_path / "p" / "config.json").exists()
