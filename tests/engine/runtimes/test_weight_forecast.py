"""What a build will read is foreseen from headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checkpoint.inspect import inspect
from engine.recipe.recipe import PassEntry, Recipe
from engine.recipe.validate import predict
from engine.runtimes import catalog
from engine.runtimes.original import asking_bytes
from tests.helpers.onnx_runtime import build, quantized


@pytest.mark.parametrize(("bits", "symmetric"), [(8, True), (4, True), (4, False)])
def test_packed_weights_scales_and_offsets_are_counted(tiny_llama: Path, bits: int, symmetric: bool) -> None:
    info = inspect(tiny_llama)
    options = {"bits": bits, "group_size": 32, "symmetric": symmetric}
    layout = predict(Recipe(passes=(PassEntry(**{"pass": "quantize", "options": options}),)), info)[-1]
    linear = sum(t.elements for t in info.tensors if "proj" in t.name)
    rest = sum(t.elements for t in info.tensors if "proj" not in t.name)
    groups = linear // 32
    expected = linear * bits // 8 + groups * 4 + (0 if symmetric else groups * bits // 8) + rest * 4
    spec = catalog.get("onnxruntime")
    assert spec.weight_bytes(layout, spec.options()) == expected
    cache = spec.options(kv_cache="8-bit")  # 2 × 128 channels in 3 layers have a scale each
    assert spec.weight_bytes(layout, cache) == expected + 4 * 2 * 128 * 3
    read = 4 * 2 * 128 * 3 * 512  # what a calibration window's keys and values take in float32
    plain = spec.options(kv_cache="float")
    assert spec.peak_bytes(layout, cache) - spec.peak_bytes(layout, plain) == read + 2 * 4 * 2 * 128 * 3


def test_torch_runtimes_read_dense_weights(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    layout = predict(Recipe(passes=(PassEntry(**{"pass": "quantize"}),)), info)[-1]
    eager, compiled = catalog.get("transformers"), catalog.get("torch_compile")
    assert eager.weight_bytes(layout, eager.options()) == info.bytes
    assert compiled.weight_bytes(info, compiled.options(precision="bfloat16")) == info.bytes // 2


def test_memory_is_foreseen_where_a_build_loads_the_weights(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    needed = {name: spec.peak_bytes(info, spec.options()) for name, spec in catalog.all_runtimes().items()}
    assert needed["transformers"] == 0  # files are linked
    assert needed["onnxruntime"] >= 2 * info.bytes
    assert needed["torch_compile"] >= 2 * info.bytes


@pytest.mark.parametrize("bits", [8, 4])
def test_the_artefacts_size_is_foreseen(tiny_llama: Path, tmp_path: Path, bits: int) -> None:
    checkpoint = quantized(tiny_llama, tmp_path, bits=bits, group_size=32)
    spec = catalog.get("onnxruntime")
    foreseen = spec.artefact_bytes(inspect(checkpoint), spec.options())
    data = build(checkpoint, tmp_path) / "model.onnx.data"
    assert data.stat().st_size == pytest.approx(foreseen, rel=0.1)


def test_asking_the_original_takes_its_largest_matrix_and_logits(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    largest, logits = 4 * 512 * 256, 4 * 256 * 512
    assert asking_bytes(info) == 2 * largest + 3 * logits
    packed = predict(Recipe(passes=(PassEntry(**{"pass": "quantize", "options": {"bits": 4}}),)), info)[-1]
    assert asking_bytes(packed) == asking_bytes(info)  # packed or not, it is multiplied in float32
