"""No build holds the original's float weights beside the model that it makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.checkpoint.inspect import inspect
from engine.recipe.recipe import Target
from tests.helpers.memory import new_tensors
from tests.helpers.onnx_runtime import build, quantized


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_whole_original_is_never_in_memory(runtime: str, tiny_llama: Path, tmp_path: Path) -> None:
    checkpoint = quantized(tiny_llama, tmp_path, bits=8, group_size=32, head=8)
    found = dict[str, int]()
    with new_tensors() as count:

        def step(done: float, total: float, text: str) -> None:
            found[text] = max(found.get(text, 0), count())

        build(checkpoint, tmp_path, Target(runtime=runtime), step=step)
    assert {"Writing the graph", "Comparing with the original"} <= {*found}
    assert max(found.values()) < 4 * inspect(checkpoint).parameters / 2
