"""Every decoder architecture that has a fused graph is converted exactly, and the card refuses what no graph holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.checkpoint.inspect import inspect
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.onnx_runtime.limits import DECODERS
from engine.runtimes.open import read_artefact
from tests.helpers.checkpoints import tokenizer
from tests.helpers.onnx_runtime import build, quantized

_TARGET = Target(runtime="onnxruntime")


@pytest.mark.parametrize("architecture", DECODERS)
def test_every_decoder(architecture: str, tmp_path: Path) -> None:
    import transformers

    name = architecture.removesuffix("ForCausalLM")
    config = getattr(transformers, f"{name}Config")(
        vocab_size=400, hidden_size=128, intermediate_size=192, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, max_position_embeddings=128, bos_token_id=0, eos_token_id=1, pad_token_id=2,
    )  # fmt: skip
    torch.manual_seed(5)
    model = getattr(transformers, architecture)(config)
    for parameter in model.parameters():  # biases and norms start at 0 and 1, which would hide mistakes
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, 0.5, 0.2)
    model.save_pretrained(tmp_path / "source")
    tokenizer(tmp_path / "source")
    checkpoint = quantized(tmp_path / "source", tmp_path, bits=4)
    artefact = read_artefact(build(checkpoint, tmp_path, accuracy="exact", kv_cache="8-bit"))
    assert artefact is not None
    assert artefact.facts["relative error"] < 1e-3
    assert artefact.facts["integer nodes"] >= 2 * 4
    assert 0 < artefact.facts["kl_divergence_nats"] < 1e-3  # with the cache in 8 bits


def _problem(checkpoint: Path, target: Target = _TARGET, **passes: object) -> str:
    entries = tuple(PassEntry(**{"pass": "quantize"}, options=passes) for _ in range(1 if passes else 0))
    found = [p for p in problems(Recipe(passes=entries, target=target), inspect(checkpoint)) if p.severity == "stop"]
    return " ".join(p.text for p in found)


def test_legal_recipes_have_no_problem(tiny_llama: Path, tiny_bert: Path) -> None:
    assert _problem(tiny_llama, bits=4, group_size=16) == ""
    assert _problem(tiny_bert, bits=8) == ""


def test_a_cache_in_8_bits_is_for_decoders_on_the_cpu(tiny_llama: Path, tiny_bert: Path) -> None:
    eight = Target(runtime="onnxruntime", options={"kv_cache": "8-bit"})
    assert _problem(tiny_llama, eight) == ""
    assert "8 bits for decoders only" in _problem(tiny_bert, eight)
    assert "8 bits on the CPU only" in _problem(tiny_llama, eight.model_copy(update={"device": "cuda"}))
