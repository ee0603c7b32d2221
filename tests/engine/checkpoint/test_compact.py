"""Checkpoints without their zeros: nothing is lost, opening puts them back, nobody mistakes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from engine.checkpoint.inspect import inspect
from engine.checkpoint.reader import Reader
from engine.checkpoint.resolve import resolve
from engine.checkpoint.zeros import compact, with_zeros, without_zeros
from engine.protocol.errors import UserError
from engine.protocol.job import ExportJob, RunJob
from engine.recipe.recipe import Recipe
from tests.helpers.contexts import Heard
from tests.helpers.jobs import Desk
from tests.helpers.passes import run_pass


@pytest.fixture(scope="module")
def pruned(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pruned") / "half"
    run_pass("prune_magnitude", tiny_llama, folder, sparsity=50)
    return folder


@pytest.fixture(scope="module")
def small(pruned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compact") / "small"
    compact(pruned, folder, Heard().context)
    return folder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_every_bit_comes_back(dtype: torch.dtype) -> None:
    tensor = torch.randn(7, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    tensor[::2] = 0
    tensor[1, 1], tensor[1, 2], tensor[3, 3] = -0.0, float("nan"), float("-inf")
    mask, stored = without_zeros(tensor)
    assert mask.shape == (5,)
    assert len(stored) == 15  # a negative zero is no zero
    flat, taken = tensor.flatten(), iter(stored)
    for place in range(35):  # the layout, bit by bit
        bit = int(mask[place // 8]) >> place % 8 & 1
        expected = flat[place : place + 1].view(torch.uint8).numpy().any()
        assert bit == int(expected)
        if bit:
            assert np.array_equal(next(taken)[None].view(torch.uint8), flat[place : place + 1].view(torch.uint8))
    back = with_zeros(mask, stored, (7, 5))
    assert torch.equal(back.view(torch.uint8), tensor.view(torch.uint8))
    with pytest.raises(ValueError, match="does not fit"):
        with_zeros(mask, stored[:-1], (7, 5))


def test_it_is_smaller_and_opens_as_the_same_checkpoint(pruned: Path, small: Path) -> None:
    before, after = (sum(h.bytes for h in Reader(folder).headers()) for folder in (pruned, small))
    linears = sum(t.bytes for t in inspect(pruned).tensors if ".layers." in t.name and len(t.shape) == 2)
    assert before - after == pytest.approx(linears * (0.5 - 1 / 32), rel=1e-4)
    info = inspect(small)
    assert {(t.name, t.shape, t.dtype) for t in info.tensors} == {
        (t.name, t.shape, t.dtype) for t in inspect(pruned).tensors
    }
    assert info.config == inspect(pruned).config
    assert any("put back" in warning for warning in info.warnings)
    opened = resolve(str(small), Heard().context)
    left, right = load_file(pruned / "model.safetensors"), load_file(opened / "model.safetensors")
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name].view(torch.int32), right[name].view(torch.int32)) for name in left)
    assert json.loads((opened / "config.json").read_text()) == json.loads((pruned / "config.json").read_text())
    assert (opened / "tokenizer.json").read_bytes() == (pruned / "tokenizer.json").read_bytes()
    assert resolve(str(small), Heard().context) == opened


def test_a_plain_loader_refuses_it(small: Path) -> None:
    with pytest.raises(ValueError, match="hasten-compact"):
        AutoModelForCausalLM.from_pretrained(small)


def test_what_is_damaged_is_named(small: Path, tmp_path: Path) -> None:
    def without(ending: str) -> Path:
        folder = tmp_path / ending
        shutil.copytree(small, folder)
        tensors = load_file(folder / "model.safetensors")
        gone = next(name for name in tensors if name.endswith(ending))
        if ending == ".stored":
            tensors[gone] = tensors[gone][1:].clone()
        else:
            del tensors[gone]
        save_file(tensors, folder / "model.safetensors")
        return folder

    with pytest.raises(UserError, match="is incomplete"):
        resolve(str(without(".bitmask")), Heard().context)
    with pytest.raises(UserError, match="does not fit"):
        resolve(str(without(".stored")), Heard().context)


def test_it_is_exported_where_zeros_are_and_refused_elsewhere(tiny_llama: Path, tmp_path: Path) -> None:
    def run(*passes: dict[str, object]) -> str:
        recipe = Recipe.parse({"passes": list(passes)})
        return str(Desk().run(RunJob(checkpoint=str(tiny_llama), recipe=recipe))["run"])

    sparse = run({"pass": "prune_magnitude", "options": {"sparsity": 80.0}})
    Desk().run(ExportJob(run=sparse, format="compact", out=str(tmp_path / "out")))
    assert (tmp_path / "out" / "recipe.yaml").is_file()
    assert inspect(tmp_path / "out").architecture == "LlamaForCausalLM"
    with pytest.raises(UserError, match="Hardly any weight is zero"):
        Desk().run(ExportJob(run=run(), format="compact", out=str(tmp_path / "none")))
    assert not (tmp_path / "none").exists()
