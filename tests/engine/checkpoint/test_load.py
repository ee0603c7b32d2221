"""Opening checkpoints as Transformers models: dense, packed, mixed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.grid import grid
from engine.protocol.errors import UserError
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.passes import run_pass

IDS = torch.arange(3, 40)[None]


def _changed(source: Path, folder: Path, **config: object) -> Path:
    shutil.copytree(source, folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
    return folder


def test_a_dense_checkpoint_is_what_transformers_loads(tiny_llama: Path) -> None:
    ours, plain = load_model(tiny_llama), AutoModelForCausalLM.from_pretrained(tiny_llama)
    assert torch.equal(ours(IDS).logits, plain(IDS).logits)
    assert not ours.training
    assert ours.lm_head.weight is ours.model.embed_tokens.weight
    assert ours.generation_config.eos_token_id == plain.generation_config.eos_token_id


def test_an_encoder_is_what_transformers_loads(tiny_bert: Path) -> None:
    ours, plain = load_model(tiny_bert), AutoModel.from_pretrained(tiny_bert)
    assert torch.equal(ours(IDS).last_hidden_state, plain(IDS).last_hidden_state)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_weights_come_out_exactly_on_their_grid(tiny_llama: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "q", bits=4, group_size=64, symmetric=False)
    model = load_model(tmp_path / "q", dtype=dtype)
    reader = Reader(tmp_path / "q")
    for scheme in reader.grids:
        assert len(scheme.modules) == 21
        for module in scheme.modules:
            expected = grid.dequantise(grid.read(reader, module), dtype)
            assert torch.equal(model.get_submodule(module).weight, expected)


def test_missing_weights_are_refused_instead_of_invented(tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is missing"):
        load_model(_changed(tiny_llama, tmp_path / "more", num_hidden_layers=4))
    with pytest.raises(UserError):
        load_model(_changed(tiny_llama, tmp_path / "other", hidden_size=128, head_dim=16))


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"architectures": ["NeverHeardOfLM"], "auto_map": {"AutoModel": "x.Y"}}, "unsupported_architecture"),
        ({"model_type": "never_heard_of"}, "unsupported_architecture"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "unsupported_quantization"),
    ],
)
def test_what_cannot_be_opened_is_said(tiny_llama: Path, tmp_path: Path, config: dict[str, object], code: str) -> None:
    with pytest.raises(UserError) as caught:
        load_model(_changed(tiny_llama, tmp_path / "odd", **config))
    assert caught.value.code == code


@pytest.mark.parametrize("tied", [True, False])
def test_islands_compute_in_their_own_precision(tmp_path: Path, tied: bool) -> None:
    source = make_llama(tmp_path / "source", tied=tied, hidden=64, layers=2)
    run_pass("mixed_precision", source, tmp_path / "mixed", dtype="bfloat16", float32=["norm", "embed_tokens", "mlp"])
    model = load_model(tmp_path / "mixed")
    assert model.model.layers[0].mlp.up_proj.weight.dtype is torch.float32
    assert model.model.layers[0].self_attn.q_proj.weight.dtype is torch.bfloat16
    assert model.model.norm.weight.dtype is torch.float32
    assert model.lm_head.weight.dtype is (torch.float32 if tied else torch.bfloat16)
    exact = load_model(source)(IDS).logits
    mixed = model(IDS).logits.float()
    coarse = load_model(source, dtype=torch.bfloat16)(IDS).logits.float()
    assert 0 < (mixed - exact).abs().mean() < (coarse - exact).abs().mean()
    generated = model.generate(IDS, max_new_tokens=4, do_sample=False, attention_mask=torch.ones_like(IDS))
    assert generated.shape[1] <= IDS.shape[1] + 4
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "mixed")
    assert plain.dtype is torch.float32
    assert torch.equal(load_model(tmp_path / "mixed", dtype=torch.float32)(IDS).logits, plain(IDS).logits)
