"""What a build will read is foreseen from headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checkpoint.inspect import inspect
from engine.recipe.recipe import PassEntry, Recipe
from engine.recipe.validate import predict
from engine.runtimes import catalog


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


def test_torch_runtimes_read_dense_weights(tiny_llama: Path) -> None:
    info = inspect(tiny_llama)
    layout = predict(Recipe(passes=(PassEntry(**{"pass": "quantize"}),)), info)[-1]
    eager, compiled = catalog.get("transformers"), catalog.get("torch_compile")
    assert eager.weight_bytes(layout, eager.options()) == info.bytes
    assert compiled.weight_bytes(info, compiled.options(precision="bfloat16")) == info.bytes // 2
