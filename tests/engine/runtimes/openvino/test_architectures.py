"""Every decoder architecture that the runtime offers is converted exactly, and others are refused before the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.open import open_session, read_artefact
from engine.runtimes.openvino.limits import DECODERS
from tests.helpers.checkpoints import tokenizer
from tests.helpers.onnx_runtime import build, quantized

_SIZES: dict[str, dict[str, int]] = {
    "GPT2LMHeadModel": {"n_embd": 128, "n_positions": 128, "n_layer": 2, "n_head": 4},
    "OPTForCausalLM": {"hidden_size": 128, "word_embed_proj_dim": 128, "ffn_dim": 192},
}
_LLAMA = {"hidden_size": 128, "intermediate_size": 192, "num_key_value_heads": 2}


def _model(architecture: str, folder: Path, **changes: Any) -> Path:
    """A random small checkpoint of this class."""
    import transformers

    name = architecture.removesuffix("ForCausalLM").removesuffix("LMHeadModel")
    config = getattr(transformers, f"{name}Config")(
        vocab_size=400, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=128,
        bos_token_id=0, eos_token_id=1, pad_token_id=2, **_SIZES.get(architecture, _LLAMA), **changes,
    )  # fmt: skip
    torch.manual_seed(5)
    model = getattr(transformers, architecture)(config)
    for parameter in model.parameters():  # biases and norms start at 0 and 1, which would hide mistakes
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, 0.5, 0.2)
    model.save_pretrained(folder)
    tokenizer(folder)
    return folder


def _built(checkpoint: Path, scratch: Path) -> Path:
    return build(checkpoint, scratch, Target(runtime="openvino", options={"accuracy": "exact"}))


@pytest.mark.parametrize("architecture", DECODERS)
def test_every_decoder(architecture: str, tmp_path: Path) -> None:
    checkpoint = _model(architecture, tmp_path / "source")
    if architecture != "GPT2LMHeadModel":  # whose layers the packed format cannot hold
        checkpoint = quantized(checkpoint, tmp_path, bits=4)
    artefact = read_artefact(_built(checkpoint, tmp_path))
    assert artefact is not None
    assert float(artefact.facts["relative error"] or 1) < 1e-4


def test_layers_that_look_back_a_window(tmp_path: Path) -> None:
    checkpoint = _model("MistralForCausalLM", tmp_path / "source", sliding_window=8)
    session = open_session(_built(checkpoint, tmp_path), threads=1)
    ids = np.random.default_rng(0).integers(3, 400, (1, 40))
    with torch.inference_mode():
        expected = load_model(checkpoint, dtype=torch.float32)(torch.from_numpy(ids)).logits.numpy()
    session.prefill(ids[:, :20])
    session.extend(ids[:, :6])
    session.rewind(6)  # hidden slots are no part of the window
    found = session.extend(ids[:, 20:])
    assert np.abs(found - expected[:, 20:]).max() < 1e-4 * np.abs(expected).max()
    session.close()


def _problem(checkpoint: Path, **passes: object) -> str:
    target = Target(runtime="openvino")
    entries = tuple(PassEntry(**{"pass": "quantize"}, options=passes) for _ in range(1 if passes else 0))
    found = [p for p in problems(Recipe(passes=entries, target=target), inspect(checkpoint)) if p.severity == "stop"]
    return " ".join(p.text for p in found)


def test_legal_recipes_have_no_problem(tiny_llama: Path, tiny_bert: Path) -> None:
    assert _problem(tiny_llama, bits=4, group_size=16) == ""
    assert _problem(tiny_bert, bits=8) == ""


def test_unknown_decoder_is_refused_by_name(tmp_path: Path) -> None:
    from transformers import BloomConfig, BloomForCausalLM

    BloomForCausalLM(BloomConfig(vocab_size=400, hidden_size=32, n_layer=1, n_head=2)).save_pretrained(tmp_path)
    tokenizer(tmp_path)
    assert "BloomForCausalLM" in _problem(tmp_path)


def test_positions_that_depend_on_the_length_are_refused(tmp_path: Path) -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    assert "dynamic" in _problem(_model("LlamaForCausalLM", tmp_path, rope_parameters=rope))
