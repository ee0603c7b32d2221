"""What is made for TensorRT without a GPU: ONNX Runtime computes the graphs, the session's cache runs over them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import paths
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.protocol.errors import UserError
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.base import TextBatch
from engine.runtimes.tensorrt import lower, seal, steps
from engine.runtimes.tensorrt.limits import block_size, decoder_profiles
from tests.helpers import checkpoints
from tests.helpers.onnx_runtime import run_pass
from tests.helpers.tensorrt import opened

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama whose feed-forward lies on 4 bits in groups of 64 and whose attention on 8 bits a row."""
    folder = tmp_path_factory.mktemp("mixed")
    source = checkpoints.tiny_llama(folder / "model", hidden=128, layers=2)
    four = {"bits": 4, "group_size": 64, "include": ["*.mlp.*"]}
    half = run_pass(source, "quantize", four, folder / "half")
    return run_pass(half, "quantize", {"bits": 8, "group_size": "row", "include": ["*.self_attn.*"]}, folder / "both")


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ONNX file of `running` lies."""
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def running(mixed: Path, graphs: Path) -> Iterator[Any]:
    """The session of `mixed`, of two texts and 256 tokens."""
    with pytest.MonkeyPatch.context() as patch:
        yield opened(mixed, graphs, patch, batch=2, context=256)


def test_integers_stand_before_the_products_and_compute_what_the_twin_does(
    mixed: Path, running: Any, graphs: Path
) -> None:
    import onnx

    model = onnx.load(str(graphs / "engine.plan.onnx"), load_external_data=False)
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    kinds = {tensor.data_type for tensor in model.graph.initializer if tensor.name.endswith(".integers")}
    assert kinds == {onnx.TensorProto.INT4, onnx.TensorProto.INT8}
    assert b"/site-packages" not in (graphs / "engine.plan.onnx").read_bytes()
    ids = np.random.default_rng(0).integers(3, 500, (2, 150))
    with torch.inference_mode():
        expected = load_model(mixed)(input_ids=torch.from_numpy(ids)).logits.numpy()
    np.testing.assert_allclose(running.logits(ids), expected, atol=1e-4)
    np.testing.assert_allclose(running.prefill(ids[:, :140]), expected[:, 139], atol=1e-4)
    np.testing.assert_allclose(running.decode(ids[:, 140]), expected[:, 140], atol=1e-4)
    np.testing.assert_allclose(running.extend(ids[:, 141:148]), expected[:, 141:148], atol=1e-4)
    running.rewind(6)
    np.testing.assert_allclose(running.decode(ids[:, 142]), expected[:, 142], atol=1e-4)
    with pytest.raises(UserError, match="not 3 of 4"):
        running.prefill(np.zeros((3, 4), np.int64))


def test_single_tokens_over_a_fake_of_a_cuda_graph(mixed: Path, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over shapes that stay as they are, padding, growth, rewinding and other texts included."""
    monkeypatch.setattr(steps, "STEP", 32)
    stand = running._engines[seal.PLAN]
    stand.recordings = 0
    running.steps.close()
    ids = np.random.default_rng(3).integers(3, 500, (2, 256))
    mask = np.ones((2, 20), np.int64)
    mask[1, :5] = 0
    with torch.inference_mode():
        twin = load_model(mixed)
        alone = [twin(input_ids=torch.from_numpy(row[None])).logits.numpy()[0] for row in (ids[0], ids[1, 5:])]

    def check(found: np.ndarray, last: int) -> None:
        for row, skipped in enumerate((0, 5)):
            np.testing.assert_allclose(found[row], alone[row][last - skipped], atol=1e-4)

    check(running.prefill(ids[:, :20], mask), 19)
    for place in range(20, 40):
        check(running.decode(ids[:, place]), place)
    assert stand.recordings == 2  # with room for 32 positions, and for 64
    running.rewind(15)  # still in the room of the second
    check(running.decode(ids[:, 25]), 25)
    check(running.extend(ids[:, 26:30])[:, -1], 29)
    check(running.decode(ids[:, 30]), 30)
    running.prefill(ids[:1, :35])
    np.testing.assert_allclose(running.decode(ids[:1, 35])[0], alone[0][35], atol=1e-4)
    before = stand.recordings
    running.prefill(ids[:1, 10:50])
    running.decode(ids[:1, 50])
    assert stand.recordings == before  # another text, the same room
    running.prefill(ids[:, :20], mask)
    check(running.extend(ids[:, 20:254])[:, -1], 253)
    for place in (254, 255):  # the last position has no room behind it
        check(running.decode(ids[:, place]), place)


def test_a_step_that_a_fake_driver_refuses_is_read_as_before(running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = running._engines[seal.PLAN]
    running.steps.close()

    def refuse(*_: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(stand, "recorded", refuse)
    ids = np.random.default_rng(4).integers(3, 500, (1, 24))
    whole = running.logits(ids)
    running.prefill(ids[:, :20])
    for place in range(20, 24):
        np.testing.assert_allclose(running.decode(ids[:, place]), whole[:, place], atol=1e-4)
    assert lower._try_steps(running, ids, whole, half=False).endswith("when stream is capturing)")
    monkeypatch.undo()
    running.steps.refused = ""
    assert lower._try_steps(running, ids, whole, half=False) == lower.ONE_GRAPH
    off = whole + np.abs(whole).max()
    assert "logits were" in lower._try_steps(running, ids, off, half=False)


def test_an_encoder_answers_in_batches(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = opened(tiny_bert, tmp_path, monkeypatch, batch=2)
    ids = np.random.default_rng(2).integers(3, 500, (3, 12))
    mask = (np.arange(12)[None] < np.array([[12], [5], [8]])).astype(np.int64)
    with torch.inference_mode():
        twin = load_model(tiny_bert)
        expected = twin(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state
    found = running.hidden(TextBatch(ids, mask))
    np.testing.assert_allclose(found[mask == 1], expected.numpy()[mask == 1], atol=1e-4)


@pytest.mark.parametrize(
    ("bits", "group", "columns", "block"),
    [
        (4, 64, 256, 64),
        (4, 256, 512, 128),
        (4, 32, 256, None),
        (4, None, 192, 64),
        (4, None, 96, 96),
        (8, None, 100, 100),
        (8, 100, 100, 100),
        (8, 64, 256, None),
    ],
)
def test_grids_are_kept_exactly_or_refused(bits: int, group: int | None, columns: int, block: int | None) -> None:
    assert block_size(bits, group, columns) == block


def test_past_and_new_tokens_make_up_the_mask_in_every_corner() -> None:
    for profile in decoder_profiles(layers=2, heads=4, width=16, batch=3, longest=256):
        for corner in range(3):
            rows, new = profile.shapes["input_ids"][corner]
            past = profile.shapes["past_keys_1"][corner]
            assert profile.shapes["attention_mask"][corner] == (rows, past[2] + new)
            assert past[2] + new <= 256


def test_what_it_cannot_hold_is_said_with_a_fix(tiny_llama: Path) -> None:
    entry = PassEntry(**{"pass": "quantize"}, options={"bits": 8, "group_size": 32, "symmetric": False})
    recipe = Recipe(passes=(entry,), target=Target(runtime="tensorrt", device="cuda"))
    problem = next(p for p in problems(recipe, inspect(tiny_llama)) if "zero points" in p.text)
    assert problem.fix is not None
    fixed = problem.fix.apply(recipe)
    assert fixed.passes[0].options == {"bits": 8, "group_size": "row", "symmetric": True}
    assert not [p for p in problems(fixed, inspect(tiny_llama)) if "zero points" in p.text]


def test_only_an_engine_that_was_built_here_is_loaded(tmp_path: Path) -> None:
    (tmp_path / seal.PLAN).write_bytes(b"machine code")
    with pytest.raises(UserError, match="not built here"):
        seal.require_own(tmp_path, "GPU", "11.4")
    seal.seal(tmp_path, "GPU", "11.4")
    seal.require_own(tmp_path, "GPU", "11.4")
    with pytest.raises(UserError, match="for GPU with TensorRT"):
        seal.require_own(tmp_path, "GPU", "11.5")
    key = paths.home() / "keys" / "engines"
    assert os.name == "nt" or key.stat().st_mode & 0o777 == 0o600
    (tmp_path / seal.SETTINGS).write_text("{}")
    with pytest.raises(UserError, match="changed since"):
        seal.require_own(tmp_path, "GPU", "11.4")
    (tmp_path / seal.SETTINGS).unlink()
    (tmp_path / seal.PLAN).write_bytes(b"other code")
    with pytest.raises(UserError, match="changed since"):
        seal.require_own(tmp_path, "GPU", "11.4")
    seal.seal(tmp_path, "GPU", "11.4")
    key.write_bytes(bytes(range(32)))  # another machine's
    with pytest.raises(UserError, match="not built here"):
        seal.require_own(tmp_path, "GPU", "11.4")
    key.write_bytes(b"")
    with pytest.raises(UserError, match="damaged"):
        seal.require_own(tmp_path, "GPU", "11.4")
