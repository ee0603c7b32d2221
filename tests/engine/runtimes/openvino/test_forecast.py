"""What a build reads and writes is foreseen from headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checkpoint.inspect import inspect
from engine.recipe.recipe import Target
from engine.runtimes import catalog
from engine.runtimes.open import read_artefact
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.onnx_runtime import build, quantized, run_pass


@pytest.mark.parametrize("grid", [None, (8, True), (4, False), "bfloat16"])
def test_weights_and_artefact_are_foreseen(tiny_llama: Path, tmp_path: Path, grid: object) -> None:
    checkpoint = tiny_llama
    if isinstance(grid, tuple):
        checkpoint = quantized(tiny_llama, tmp_path, bits=grid[0], symmetric=grid[1], group_size=32, head=8)
    elif grid:
        checkpoint = run_pass(tiny_llama, "mixed_precision", {"dtype": grid, "islands": False}, tmp_path / "half")
    spec = catalog.get("openvino")
    info = inspect(checkpoint)
    folder = build(checkpoint, tmp_path, Target(runtime="openvino", options={"accuracy": "exact"}))
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.weight_bytes == spec.weight_bytes(info, spec.options())
    written = sum(path.stat().st_size for path in folder.glob("openvino_*"))
    assert written == pytest.approx(spec.artefact_bytes(info, spec.options()), rel=0.1)
    assert spec.peak_bytes(info, spec.options()) >= 2 * artefact.weight_bytes


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_both_halves_of_an_encoder_decoder_share_their_weights(kind: str, tmp_path: Path) -> None:
    checkpoint = quantized(tiny_text2text(tmp_path / "source", kind), tmp_path, bits=8, head=8)
    spec, info = catalog.get("openvino"), inspect(checkpoint)
    artefact = read_artefact(build(checkpoint, tmp_path, Target(runtime="openvino", options={"accuracy": "exact"})))
    assert artefact is not None
    assert artefact.weight_bytes == pytest.approx(spec.weight_bytes(info, spec.options()), rel=0.02)
