"""The quantize pass: what it writes, keeps, refuses and offers instead."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.grid import grid
from engine.passes.quantize.spec import SPEC, QuantizeOptions
from engine.protocol.errors import Cancelled, UserError
from engine.recipe.recipe import PassEntry, Recipe
from engine.recipe.validate import problems
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.passes import run_pass

IDS = torch.arange(3, 40)[None]


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("group_size", ["row", 32, 128])
@pytest.mark.parametrize("symmetric", [True, False])
def test_every_grid_is_written_as_predicted_and_close(
    tiny_llama: Path, tmp_path: Path, bits: int, group_size: str | int, symmetric: bool
) -> None:
    facts = run_pass("quantize", tiny_llama, tmp_path / "q", bits=bits, group_size=group_size, symmetric=symmetric)
    assert facts["layers rounded"] == 21
    exact, rounded = load_model(tiny_llama)(IDS).logits, load_model(tmp_path / "q")(IDS).logits
    assert 0 < (exact - rounded).norm() / exact.norm() < (0.02 if bits == 8 else 0.3)


@pytest.mark.parametrize("method", ["nearest", "clip"])
def test_the_layers_that_rounding_changed_most_are_named_in_order(
    tiny_llama: Path, tmp_path: Path, method: str
) -> None:
    extra: dict[str, Any] = {} if method == "nearest" else {"samples": 2, "tokens": 32}
    facts = run_pass("quantize", tiny_llama, tmp_path / "q", bits=4, method=method, **extra)
    before, after = Reader(tiny_llama), load_model(tmp_path / "q").state_dict()
    shares = {}
    for name in [name for name in after if name.endswith("_proj.weight")]:
        weight = before.tensor(name).double()
        wrong = (weight - after[name].double()).square().sum()
        shares[name.removesuffix(".weight")] = float(wrong / weight.square().sum())
    worst = sorted(shares, key=lambda name: -shares[name])[:5]
    assert facts["worst layers"] == ", ".join(f"{name} {shares[name]:.3%}" for name in worst)


def test_the_head_stays_tied_and_its_integers_can_be_read(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "q", head=8)
    model, reader = load_model(tmp_path / "q"), Reader(tmp_path / "q")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    head = grid.read(reader, "model.embed_tokens")
    assert (head.bits, head.group_size, head.symmetric) == (8, 32, True)
    assert torch.equal(grid.dequantise(head), model.model.embed_tokens.weight)
    assert head.values.unique().numel() > 200


def test_an_untied_head_gets_a_grid_of_its_own(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", tied=False, hidden=64, layers=1)
    run_pass("quantize", source, tmp_path / "q", head=4)
    reader = Reader(tmp_path / "q")
    assert reader.grids[-1].modules == ("lm_head", "model.embed_tokens")
    for module in reader.grids[-1].modules:
        assert torch.equal(grid.dequantise(grid.read(reader, module)), reader.tensor(f"{module}.weight"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_head_with_float_offsets_has_its_integers_beside_it(dtype: str, tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", hidden=64, layers=1)
    if dtype != "float32":  # rounded weights alone no longer tell their integers
        run_pass("mixed_precision", source, tmp_path / "half", dtype=dtype, islands=False)
        source = tmp_path / "half"
    errors = []
    for offsets in ("float", "integer"):
        run_pass("quantize", source, tmp_path / offsets, bits=4, symmetric=False, offsets=offsets, head=4)
        reader = Reader(tmp_path / offsets)
        head = grid.read(reader, "model.embed_tokens")
        assert (reader.grids[-1].float_offset, head.minimum is not None) == (offsets == "float",) * 2
        rounded = reader.tensor("model.embed_tokens.weight")
        assert torch.equal(grid.dequantise(head).to(rounded.dtype), rounded)
        errors.append(float((rounded.float() - Reader(source).tensor("model.embed_tokens.weight").float()).norm()))
    assert errors[0] < 0.9 * errors[1]


def test_a_head_with_float_offsets_outlives_a_later_pass(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "a", include=["mlp"], bits=4, symmetric=False, offsets="float", head=4)
    run_pass("quantize", tmp_path / "a", tmp_path / "b")
    before, after = (grid.read(Reader(tmp_path / name), "model.embed_tokens") for name in ("a", "b"))
    assert after.minimum is not None
    assert torch.equal(grid.dequantise(before), grid.dequantise(after))


def test_missing_scales_of_the_head_are_told(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "q", head=8)
    (tmp_path / "q" / "hasten-grid.safetensors").unlink()
    with pytest.raises(UserError) as caught:
        grid.read(Reader(tmp_path / "q"), "model.embed_tokens")
    assert caught.value.code == "missing_shard"


def test_two_passes_mix_bits_and_leave_each_other_alone(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "a", bits=4, include=["mlp"], head=8)
    run_pass("quantize", tmp_path / "a", tmp_path / "b", bits=8, group_size=64)
    schemes = {(s.bits, s.group_size): len(s.modules) for s in Reader(tmp_path / "b").grids}
    assert schemes == {(4, 32): 9, (8, 64): 12, (8, 32): 1}
    one, two = Reader(tmp_path / "a"), Reader(tmp_path / "b")
    for name in one:
        if ".mlp." in name or "embed" in name:
            assert torch.equal(one.tensor(name), two.tensor(name))
    assert torch.equal(grid.read(two, "model.embed_tokens").values, grid.read(one, "model.embed_tokens").values)
    nothing_left = SPEC.check(inspect(tmp_path / "b"), QuantizeOptions(), 0)
    assert "integers already" in next(iter(nothing_left)).text


def test_the_same_options_give_the_same_bytes(tiny_llama: Path, tmp_path: Path) -> None:
    digests = set()
    for turn in ("a", "b"):
        run_pass("quantize", tiny_llama, tmp_path / turn, bits=4, symmetric=False, head=4)
        files = sorted(path for path in (tmp_path / turn).iterdir() if path.suffix in (".safetensors", ".json"))
        digests.add(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest())
    assert len(digests) == 1


def test_an_encoder_is_quantised_too(tiny_bert: Path, tmp_path: Path) -> None:
    facts = run_pass("quantize", tiny_bert, tmp_path / "q", head=8)
    assert facts["layers rounded"] == 12
    exact, rounded = load_model(tiny_bert)(IDS), load_model(tmp_path / "q")(IDS)
    assert torch.cosine_similarity(exact[0], rounded[0], dim=-1).min() > 0.999


def test_groups_that_do_not_divide_come_with_a_fix(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "source", hidden=288, layers=1)
    recipe = Recipe(passes=(PassEntry(**{"pass": "quantize", "options": {"group_size": 128}}),))
    found = [p for p in problems(recipe, inspect(source)) if p.index == 0]
    assert "288" in found[0].text
    assert found[0].fix is not None
    assert found[0].fix.label == "Use groups of 32"
    mended = found[0].fix.apply(recipe)
    assert mended.passes[0].options["group_size"] == 32
    assert [p for p in problems(mended, inspect(source)) if p.index == 0] == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"config": {"model_type": "gpt2"}}, "Conv1D"),
        ({"config": {"num_experts": 8, "hidden_size": 64}}, "mixture of experts"),
    ],
)
def test_what_cannot_be_packed_is_refused_by_name(tiny_llama: Path, changes: dict[str, object], text: str) -> None:
    info = inspect(tiny_llama).model_copy(update=changes)
    found = list(SPEC.check(info, QuantizeOptions(), 0))
    assert found[0].severity == "stop"
    assert text in found[0].text


def test_several_grids_with_an_asymmetric_one_are_noted(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "a", include=["mlp"])
    found = list(SPEC.check(inspect(tmp_path / "a"), QuantizeOptions(symmetric=False), 1))
    assert [p.severity for p in found] == ["note"]
    assert "Hasten only" in found[0].text


def test_a_weight_that_is_no_number_is_named(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    source = make_llama(tmp_path / "source", hidden=64, layers=1)
    tensors = load_file(source / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = float("nan")
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="up_proj"):
        run_pass("quantize", source, tmp_path / "q")


def test_a_cancellation_leaves_no_checkpoint(tiny_llama: Path, tmp_path: Path) -> None:
    def step(done: float, total: float, text: str) -> None:
        if done >= 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_pass("quantize", tiny_llama, tmp_path / "q", step=step)
    assert not (tmp_path / "q" / "config.json").exists()


def test_float_offsets_are_ours_alone(tiny_llama: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"bits": 4, "symmetric": False, "offsets": "float"}
    (found,) = SPEC.check(inspect(tiny_llama), QuantizeOptions(**changes), 0)
    assert (found.severity, "in Hasten only" in found.text) == ("note", True)
    (found,) = SPEC.check(inspect(tiny_llama), QuantizeOptions(offsets="float"), 0)
    assert "no offsets" in found.text
    run_pass("quantize", tiny_llama, tmp_path / "q", **changes)
    assert all(scheme.float_offset for scheme in inspect(tmp_path / "q").grids)
    with pytest.raises(ValueError, match="float_offset"):  # rather than ignore the offsets
        AutoModelForCausalLM.from_pretrained(tmp_path / "q")
