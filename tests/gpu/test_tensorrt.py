"""TensorRT on an NVIDIA GPU: built, verified against the torch model while it is built, opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.protocol.errors import UserError
from engine.recipe.recipe import Target
from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session
from engine.runtimes.tensorrt.seal import PLAN
from engine.runtimes.tensorrt.spec import availability
from tests.helpers.onnx_runtime import build, quantized

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not availability().usable, reason=availability().reason),
]


def target(**options: object) -> Target:
    return Target(runtime="tensorrt", device="cuda", options={"context": 256, **options})


@pytest.mark.parametrize("precision", ["automatic", "float16"])
@pytest.mark.parametrize("grid", [None, (8, "row"), (4, 64)])
def test_a_decoder_continues_as_its_logits_say(
    grid: tuple[int, object] | None, precision: str, tiny_llama: Path, tmp_path: Path
) -> None:
    source = tiny_llama if grid is None else quantized(tiny_llama, tmp_path, bits=grid[0], group_size=grid[1])
    folder = build(source, tmp_path, target(precision=precision, batch=2))
    session = open_session(folder)
    ids = np.random.default_rng(0).integers(3, 500, (2, 40))
    whole = session.logits(ids)
    steps = [session.prefill(ids[:, :20]), *(session.decode(ids[:, i]) for i in range(20, 40))]
    assert np.abs(np.stack(steps, 1) - whole[:, 19:]).max() < 3e-2 * np.abs(whole).max()
    session.close()
    with (folder / PLAN).open("ab") as file:
        file.write(b"changed")
    with pytest.raises(UserError, match="not built here"):
        open_session(folder)


def test_an_encoder_is_built(tiny_bert: Path, tmp_path: Path) -> None:
    session = open_session(build(tiny_bert, tmp_path, target(batch=4)))
    ids = np.random.default_rng(0).integers(3, 500, (3, 12))
    assert session.hidden(TextBatch(ids, np.ones_like(ids))).shape == (3, 12, 64)
    session.close()
