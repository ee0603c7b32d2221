"""TensorRT on an NVIDIA GPU: built, verified against the torch model while it is built, opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.protocol.errors import UserError
from engine.recipe.recipe import Target
from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session, read_artefact
from engine.runtimes.tensorrt.lower import ONE_GRAPH
from engine.runtimes.tensorrt.seal import ANSWER_PLAN, PLAN
from engine.runtimes.tensorrt.spec import availability
from tests.helpers.checkpoints import tiny_text2text
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


def test_single_tokens_are_read_by_one_cuda_graph(tiny_llama: Path, tmp_path: Path) -> None:
    folder = build(tiny_llama, tmp_path, target(batch=2))
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.facts["decode step"] == ONE_GRAPH
    session: Any = open_session(folder)
    ids = np.random.default_rng(1).integers(3, 500, (2, 60))
    whole = session.logits(ids)
    for rows in (2, 1, 2):  # recorded anew for other shapes
        steps = [session.prefill(ids[:rows, :30]), *(session.decode(ids[:rows, at]) for at in range(30, 60))]
        assert np.abs(np.stack(steps, 1) - whole[:rows, 29:]).max() < 3e-2 * np.abs(whole).max()
        assert session.steps.refused == ""
    session.rewind(20)
    assert np.abs(session.decode(ids[:, 40]) - whole[:, 40]).max() < 3e-2 * np.abs(whole).max()
    session.close()


def test_an_encoder_is_built(tiny_bert: Path, tmp_path: Path) -> None:
    session = open_session(build(tiny_bert, tmp_path, target(batch=4)))
    ids = np.random.default_rng(0).integers(3, 500, (3, 12))
    assert session.hidden(TextBatch(ids, np.ones_like(ids))).shape == (3, 12, 64)
    session.close()


@pytest.mark.parametrize("precision", ["automatic", "bfloat16"])
@pytest.mark.parametrize("grid", [None, (8, "row"), (4, 64)])
@pytest.mark.parametrize("kind", ["t5", "bart", "marian"])
def test_an_encoder_decoder_answers_a_padded_batch_as_its_rows(
    kind: str, grid: tuple[int, object] | None, precision: str, tmp_path: Path
) -> None:
    source = tiny_text2text(tmp_path / "source", kind)
    if grid is not None:
        source = quantized(source, tmp_path, bits=grid[0], group_size=grid[1], head=8 if grid[0] == 8 else "keep")
    folder = build(source, tmp_path, target(precision=precision, batch=2))
    session = open_session(folder)
    ids = np.random.default_rng(0).integers(3, 500, (2, 20))
    alone = []
    for row, length in zip(ids, (20, 11), strict=True):
        steps = [session.prefill(row[None, :length]), *(session.decode(np.array([token])) for token in row[:9])]
        alone.append(np.concatenate(steps))
    mask = (np.arange(20)[None] < np.array([[20], [11]])).astype(np.int64)
    first = session.prefill(ids, mask)[:, None]
    together = np.concatenate([first, session.extend(ids[:, :9])], axis=1)
    assert np.abs(together - np.stack(alone)).max() < 3e-2 * np.abs(together).max()
    session.rewind(4)
    again = session.extend(ids[:, 5:9])
    assert np.abs(again - together[:, 6:]).max() < 3e-2 * np.abs(together).max()
    session.close()
    with (folder / ANSWER_PLAN).open("ab") as file:
        file.write(b"changed")
    with pytest.raises(UserError, match="not built here"):
        open_session(folder)
