"""OpenVINO on Intel's GPU and NPU: built, checked while it is built, opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import intel
from engine.recipe.recipe import Target
from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session
from tests.helpers.onnx_runtime import build, quantized

pytestmark = pytest.mark.gpu


@pytest.fixture(params=list(intel.PLUGINS))
def target(request: pytest.FixtureRequest) -> Target:
    if request.param not in intel.usable():
        pytest.skip(intel.devices()[request.param].reason)
    return Target(runtime="openvino", device=request.param)


@pytest.mark.parametrize("grid", [None, (8, "row"), (4, 128)])
def test_a_decoder_continues_as_its_logits_say(
    grid: tuple[int, object] | None, target: Target, tiny_llama: Path, tmp_path: Path
) -> None:
    source = tiny_llama if grid is None else quantized(tiny_llama, tmp_path, bits=grid[0], group_size=grid[1])
    session = open_session(build(source, tmp_path, target))
    ids = np.random.default_rng(0).integers(3, 500, (1, 40))
    whole = session.logits(ids)
    steps = [session.prefill(ids[:, :20]), *(session.decode(ids[:, at]) for at in range(20, 40))]
    assert np.abs(np.stack(steps, 1) - whole[:, 19:]).max() < 3e-2 * np.abs(whole).max()
    session.rewind(10)
    assert np.abs(session.decode(ids[:, 30]) - whole[:, 30]).max() < 3e-2 * np.abs(whole).max()
    session.close()


def test_an_encoder_is_built(target: Target, tiny_bert: Path, tmp_path: Path) -> None:
    session = open_session(build(tiny_bert, tmp_path, target))
    ids = np.random.default_rng(0).integers(3, 500, (3, 12))
    assert session.hidden(TextBatch(ids, np.ones_like(ids))).shape == (3, 12, 64)
    session.close()
