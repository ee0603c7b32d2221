"""Where the difference arises: errors and shares of layers against plain Transformers, and the right layer named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification

from engine.bench import texts
from engine.bench.texts import read_text
from engine.checkpoint.info import Task
from engine.compare.explanation import Layer
from engine.explain.errors import relative_error
from engine.explain.layers import explain_layers
from engine.explain.matching import gaps, kept_layers
from engine.protocol.errors import Cancelled, UserError
from engine.recipe.recipe import Recipe
from engine.runs.record import StageRecord
from engine.text.tokenizer import load_tokenizer
from tests.engine.explain.damage import KINDS, damaged
from tests.engine.runs.records import record
from tests.helpers import encoders
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.passes import no_step, run_pass

TEXT = read_text(None)[0]


def _all(before: int, after: int) -> Sequence[int]:
    return range(after)


def _explain(
    original: Path,
    changed: Path,
    scratch: Path,
    match: Callable[[int, int], Sequence[int]] = _all,
    task: Task = "text-generation",
    windows: int = 2,
    step: Any = no_step,
) -> tuple[list[Layer], float]:
    return explain_layers(original, changed, task, match, TEXT, windows, step, scratch)


def _worst(layers: Sequence[Layer]) -> Layer:
    return max(layers, key=lambda layer: layer.won_back.value if layer.won_back else 0.0)


@torch.no_grad()
def _plain(original: Path, changed: Path, windows: int) -> tuple[float, list[tuple[float, float, float]]]:
    """The same figures the long way: hidden states from hooks, whole models with one layer's weights copied over."""
    left, right = (AutoModelForCausalLM.from_pretrained(folder) for folder in (original, changed))
    cut = texts.windows(load_tokenizer(original), TEXT, 256).ids[:windows]
    ids = [torch.from_numpy(window[None, :-1]) for window in cut]

    def logits(model: Any) -> Tensor:
        return torch.cat([model(x).logits[0] for x in ids]).double().log_softmax(-1)

    def states(model: Any, layer: int) -> Tensor:
        """What `layer` answers, all windows under one another."""
        seen: list[Tensor] = []
        hook = model.model.layers[layer].register_forward_hook(lambda module, args, output: seen.append(output))
        for x in ids:
            model(x)
        hook.remove()
        return torch.cat([one[0] for one in seen])

    def apart(a: Tensor, b: Tensor) -> float:
        return float(((a - b).norm(dim=-1) / b.norm(dim=-1)).mean())

    def divergence(model: Any) -> float:
        p = logits(left)
        return float((p.exp() * (p - logits(model))).sum(-1).mean())

    whole, found = divergence(right), []
    for index in range(len(left.model.layers)):
        own, other = left.model.layers[index], right.model.layers[index]
        expected, accumulated = states(left, index), states(right, index)
        left.model.layers[index] = other
        alone = states(left, index)
        left.model.layers[index], right.model.layers[index] = own, own
        restored = divergence(right)
        right.model.layers[index] = other
        found.append((apart(alone, expected), apart(accumulated, expected), whole - restored))
    return whole, found


def test_errors_and_shares_are_those_of_whole_models(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", hidden=64, layers=3, spread=0.2)
    changed = damaged(damaged(source, tmp_path / "a", 0, "noise"), tmp_path / "b", 2, "scaled")
    layers, loss = _explain(source, changed, tmp_path)
    whole, expected = _plain(source, changed, 2)
    assert [layer.state for layer in layers] == ["changed", "same", "changed"]
    assert loss == pytest.approx(whole, rel=1e-4)
    for layer, (alone, accumulated, won) in zip(layers, expected, strict=True):
        assert layer.own_error == pytest.approx(alone, rel=1e-3, abs=1e-6)
        assert layer.accumulated_error == pytest.approx(accumulated, rel=1e-3, abs=1e-6)
        assert layer.won_back is not None
        assert layer.won_back.value == pytest.approx(won, rel=1e-3, abs=1e-6)
        assert layer.won_back.low <= layer.won_back.value <= layer.won_back.high


def _damaged_layer_is_first(source: Path, folder: Path, layer: int, kind: str) -> None:
    """With the whole model on 8 bits besides, as a run leaves it."""
    changed = damaged(source, folder / f"{kind}-{layer}", layer, kind)
    run_pass("quantize", changed, folder / f"{kind}-{layer}-q", bits=8, group_size="row", head=8)
    layers, _ = _explain(source, folder / f"{kind}-{layer}-q", folder, windows=4)
    assert _worst(layers).index == layer
    assert max(layers, key=lambda one: one.own_error or 0.0).index == layer


@pytest.mark.parametrize(("layer", "kind"), [(0, "noise"), (3, "shuffled"), (4, "zeroed")])
def test_a_damaged_layer_ranks_first(stories260k: Path, tmp_path: Path, layer: int, kind: str) -> None:
    _damaged_layer_is_first(stories260k, tmp_path, layer, kind)


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", range(5))
def test_a_damaged_layer_ranks_first_in_20_of_20(stories260k: Path, tmp_path: Path, layer: int, kind: str) -> None:
    _damaged_layer_is_first(stories260k, tmp_path, layer, kind)


def test_embedding_and_head_have_their_own_shares(stories260k: Path, tmp_path: Path) -> None:
    run_pass("quantize", stories260k, tmp_path / "q", bits=8, group_size="row", head=4, include=("layers.0.",))
    layers, _ = _explain(stories260k, tmp_path / "q", tmp_path)
    assert [layer.part for layer in layers] == ["embedding", *["layer"] * 5, "head"]
    assert [layer.state for layer in layers[1:-1]] == ["changed", *["same"] * 4]
    assert _worst(layers).part in ("embedding", "head")
    assert layers[1].pattern == "model.layers.0.*"


@pytest.mark.parametrize("gone", [0, 2, 4])
def test_a_dropped_layer_put_back_gives_the_original(stories260k: Path, tmp_path: Path, gone: int) -> None:
    run_pass("prune_depth", stories260k, tmp_path / "p", named=str(gone), text="/nowhere", keep_first=0, keep_last=0)
    kept = [layer for layer in range(5) if layer != gone]
    layers, loss = _explain(stories260k, tmp_path / "p", tmp_path, lambda before, after: kept)
    assert [layer.index for layer in layers] == list(range(5))
    assert [layer.state for layer in layers] == ["dropped" if i == gone else "same" for i in range(5)]
    back = layers[gone].won_back
    assert back is not None
    assert back.value == pytest.approx(loss, rel=1e-6)
    assert layers[gone].own_error is None
    behind = [layer.pattern for layer in layers if layer.state == "same"]
    assert behind == [f"model.layers.{i}.*" for i in range(4)]  # as the shorter checkpoint numbers them


def test_layers_of_an_encoder_are_measured_by_its_embeddings(tiny_bert: Path, tmp_path: Path) -> None:
    changed = damaged(tiny_bert, tmp_path / "d", 1, "noise", stack="encoder.layer")
    layers, loss = _explain(tiny_bert, changed, tmp_path, task="feature-extraction")
    assert [layer.state for layer in layers] == ["same", "changed"]
    assert layers[1].won_back is not None
    assert layers[1].won_back.value == pytest.approx(loss, rel=1e-6)
    assert layers[1].own_error == layers[1].accumulated_error > 0


def test_layers_of_a_tagger_are_measured_at_every_real_token(tmp_path: Path) -> None:
    source = encoders.model("Bert", "token-classification", tmp_path / "s")
    changed = damaged(source, tmp_path / "d", 1, "noise", stack="bert.encoder.layer")
    layers, loss = _explain(source, changed, tmp_path, task="token-classification")
    assert layers[1].won_back is not None
    assert layers[1].won_back.value == pytest.approx(loss, rel=1e-6)
    sentences = texts.sentences(TEXT)[:16]
    tokenizer = load_tokenizer(source)
    assert layers[1].won_back.samples == sum(
        len(tokenizer(sentence, truncation=True, max_length=80)["input_ids"]) for sentence in sentences
    )
    left, right = (AutoModelForTokenClassification.from_pretrained(folder).eval() for folder in (source, changed))
    total, count = 0.0, 0
    with torch.inference_mode():
        for sentence in sentences:
            ids = tokenizer(sentence, truncation=True, max_length=80, return_tensors="pt")["input_ids"]
            p, q = (model(ids).logits.double().log_softmax(-1) for model in (left, right))
            total += float((p.exp() * (p - q)).sum())
            count += ids.shape[1]
    assert loss == pytest.approx(total / count, rel=1e-4)


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    folder = tiny_text2text(tmp_path / "t5")
    with pytest.raises(UserError, match="encoder-decoder"):
        _explain(folder, folder, tmp_path, task="text2text-generation")


def test_it_can_be_stopped_at_any_layer(stories260k: Path, tmp_path: Path) -> None:
    changed = damaged(stories260k, tmp_path / "d", 1, "noise")
    told: list[str] = []

    def step(done: float, total: float, text: str) -> None:
        told.append(text)
        if text == "Restoring layer 3":
            raise Cancelled

    with pytest.raises(Cancelled):
        _explain(stories260k, changed, tmp_path, step=step)
    assert "Restoring layer 2" in told


def test_a_run_tells_which_layers_are_left() -> None:
    passes = {"passes": [{"pass": "prune_depth"}, {"pass": "prune_depth"}, {"pass": "quantize"}]}
    facts = ({"layers dropped": "1, 2"}, {"layers dropped": "1"}, {})
    stages = tuple(StageRecord(name="", key="", state="done", seconds=0, bytes=0, facts=own) for own in facts)
    run = record("a").model_copy(update={"recipe": Recipe.parse(passes), "stages": stages})
    assert kept_layers(run, 6, 3) == (0, 4, 5)
    with pytest.raises(UserError, match="4 layers where the original has 6"):
        kept_layers(run, 6, 4)
    assert gaps((0, 4), 6) == [(0, []), (4, [1, 2, 3]), (-1, [5])]


def test_each_token_counts_alike() -> None:
    expected = torch.tensor([[[1000.0, 0.0], [1.0, 0.0], [1.0, 0.0]]])
    found = torch.tensor([[[1000.0, 10.0], [1.0, 0.5], [9.0, 9.0]]])
    assert relative_error([expected], [found], [torch.tensor([[1, 1, 0]])]) == pytest.approx((0.01 + 0.5) / 2)
