"""A checkpoint as a model whose matrices stay in the files computes what the whole model does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MixtralConfig, MixtralForCausalLM

from engine.checkpoint import outline as outlines
from engine.checkpoint.load import load_model
from engine.checkpoint.outline import Outline
from engine.grid.grid import dequantise, read
from engine.protocol.errors import UserError
from tests.helpers.architectures import DECODERS, decoder
from tests.helpers.memory import new_tensors
from tests.helpers.passes import run_pass

IDS = torch.tensor([[5, 9, 5, 44, 7, 100, 3, 9]])


def _same(folder: Path) -> Outline:
    """The outline of `folder`, whose logits and weights are those of the whole model."""
    ours, whole = Outline(folder), load_model(folder, dtype=torch.float32)
    with torch.inference_mode():
        torch.testing.assert_close(ours.model(IDS).logits, whole(IDS).logits, rtol=1e-5, atol=1e-5)
    for name, parameter in whole.named_parameters():
        assert torch.equal(ours.tensor(name), parameter), name
    return ours


@pytest.mark.parametrize("name", [name for name in DECODERS if " " not in name])
def test_every_kind_of_decoder(name: str, tmp_path: Path) -> None:
    _same(decoder(tmp_path / "m", name))


def test_packed_weights_and_embeddings_on_a_grid(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "q", bits=4, group_size=32, symmetric=False, head=8)
    ours = _same(tmp_path / "q")
    assert ours.model.lm_head.weight is ours.model.model.embed_tokens.weight


def test_a_rounded_embedding_has_its_grids_own_values(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("mixed_precision", tiny_llama, tmp_path / "half", dtype="bfloat16", islands=False)
    run_pass("quantize", tmp_path / "half", tmp_path / "q", bits=8, group_size=32, head=8)
    ours = Outline(tmp_path / "q")
    exact = dequantise(read(ours.reader, "model.embed_tokens"), torch.float32)
    assert torch.equal(ours.tensor("lm_head.weight"), exact)
    assert not torch.equal(exact.bfloat16().float(), exact)
    with torch.inference_mode():
        assert torch.equal(ours.model.get_input_embeddings()(IDS), exact[IDS])


def test_a_head_is_multiplied_in_parts(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "_AT_ONCE", 100 * 256)  # 512 rows of 256
    _same(tiny_llama)


def test_no_more_than_one_matrix_is_held(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("quantize", tiny_llama, tmp_path / "q", bits=8, group_size=32)
    held = list[int]()
    with new_tensors() as count, torch.inference_mode():
        ours = Outline(tmp_path / "q")
        for module in ours.model.modules():
            if not list(module.children()):
                module.register_forward_hook(lambda *_: held.append(count()), prepend=True)
        ours.model(IDS)
    largest = max(parameter.numel() for parameter in ours.model.parameters())
    # one matrix, the vectors, and what is computed
    assert max(held) < 4 * (largest + 100_000) < 4 * ours.model.num_parameters() / 3


def test_a_head_stored_beside_a_tied_embedding_is_tied_only_if_it_is_equal(tiny_llama: Path, tmp_path: Path) -> None:
    for name, factor in (("equal", 1.0), ("other", 2.0)):
        folder = tmp_path / name
        shutil.copytree(tiny_llama, folder)
        tensors = load_file(folder / "model.safetensors")
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] * factor
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        model = _same(folder).model
        assert (model.lm_head.weight is model.model.embed_tokens.weight) == (name == "equal")


def test_a_model_that_joins_matrices_is_loaded_whole(tmp_path: Path) -> None:
    config = MixtralConfig(
        vocab_size=512, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, num_local_experts=4,
    )  # fmt: skip
    MixtralForCausalLM(config).save_pretrained(tmp_path / "m")
    assert "model.layers.0.block_sparse_moe.experts.0.w1.weight" in load_file(tmp_path / "m" / "model.safetensors")
    _same(tmp_path / "m")


def test_missing_weights_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_llama, tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "num_hidden_layers": 4}))
    with pytest.raises(UserError, match="is missing"):
        Outline(tmp_path / "m")
