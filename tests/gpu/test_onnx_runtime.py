"""ONNX Runtime on CUDA: built in float16, verified against the torch model while it is built."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.recipe.recipe import Target
from engine.runtimes.onnx_runtime.availability import availability
from engine.runtimes.open import open_session
from tests.helpers.exported import decoder
from tests.helpers.onnx_runtime import build, quantized

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("bits", [None, 8, 4])
def test_decoder_on_cuda(bits: int | None, tiny_llama: Path, tmp_path: Path) -> None:
    if "cuda" not in availability().devices:
        pytest.skip("onnxruntime-gpu or the GPU is missing")
    checkpoint = tiny_llama if bits is None else quantized(tiny_llama, tmp_path, bits=bits, head=8)
    session = open_session(build(checkpoint, tmp_path, Target(runtime="onnxruntime", device="cuda")))
    ids = np.random.default_rng(0).integers(3, 500, (2, 40))
    whole = session.logits(ids)
    steps = [session.prefill(ids[:, :20]), *(session.decode(ids[:, i]) for i in range(20, 40))]
    assert np.abs(np.stack(steps, 1) - whole[:, 19:]).max() < 3e-2 * np.abs(whole).max()
    session.close()


@pytest.mark.parametrize("bits", [None, 8, 4])
@pytest.mark.parametrize("architecture", ["GPT2LMHeadModel", "GPTNeoXForCausalLM", "StableLmForCausalLM"])
def test_a_decoder_without_a_fused_graph_on_cuda(architecture: str, bits: int | None, tmp_path: Path) -> None:
    """Of these, StableLM's query heads share keys. The graph's nodes all run on the GPU, but for those of shapes."""
    if "cuda" not in availability().devices:
        pytest.skip("onnxruntime-gpu or the GPU is missing")
    source = decoder(tmp_path / "source", architecture)
    checkpoint = source if bits is None else quantized(source, tmp_path, bits=bits)
    folder = build(checkpoint, tmp_path, Target(runtime="onnxruntime", device="cuda"))
    session = open_session(folder)
    ids = np.random.default_rng(0).integers(3, 500, (2, 40))
    whole = session.logits(ids)
    steps = [session.prefill(ids[:, :20]), *(session.decode(ids[:, i]) for i in range(20, 40))]
    assert np.abs(np.stack(steps, 1) - whole[:, 19:]).max() < 3e-2 * np.abs(whole).max()
    session.close()
    fallback = json.loads((folder / "graph.json").read_text())["fallback"]
    assert not {"TensorScatter", "Attention", "MatMulNBits", "FusedMatMul"} & fallback.keys()
