"""Decoders on ONNX Runtime compute what the dequantised torch model does."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.outline import Outline
from engine.decoding.speculative import SpeculativeSession
from engine.protocol.errors import Cancelled
from engine.recipe.recipe import Target
from engine.runtimes.base import BuildContext, Session
from engine.runtimes.onnx_runtime import cache_scales
from engine.runtimes.onnx_runtime.decoder import decoder_graph, joinable
from engine.runtimes.open import open_session, read_artefact
from tests.helpers import sequences
from tests.helpers.contexts import Heard
from tests.helpers.memory import new_tensors
from tests.helpers.onnx_runtime import build, quantized, run_pass


def _twin_logits(checkpoint: Path, ids: np.ndarray) -> np.ndarray:
    model = load_model(checkpoint, dtype=torch.float32)
    with torch.inference_mode():
        return model(torch.from_numpy(ids)).logits.numpy()


def _error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _ids(session: Session, rows: int, length: int) -> np.ndarray:
    return np.random.default_rng(1).integers(3, 500, (rows, length))


@pytest.mark.parametrize(
    ("name", "bits", "symmetric"),
    [
        *(("stories260k", bits, symmetric) for bits, symmetric in ((8, True), (4, True), (4, False))),
        ("stories15m", 4, False),
        pytest.param("stories15m", 8, True, marks=pytest.mark.slow),
        pytest.param("stories15m", 4, True, marks=pytest.mark.slow),
    ],
)
def test_real_models(name: str, bits: int, symmetric: bool, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    source = request.getfixturevalue(name)
    # 172 columns of stories260K's feed-forward part are divided by no block: rows are padded
    size = "row" if name == "stories260k" else 32
    checkpoint = quantized(source, tmp_path, bits=bits, group_size=size, symmetric=symmetric, head=8)
    session = open_session(build(checkpoint, tmp_path, accuracy="exact"), threads=1)
    ids = _ids(session, 1, 64)
    assert _error(session.logits(ids), _twin_logits(checkpoint, ids)) < 1e-3
    session.close()


def test_products_of_the_same_numbers_are_joined_where_nothing_is_widened(tiny_llama: Path, tmp_path: Path) -> None:
    first = quantized(tiny_llama, tmp_path, bits=4, group_size=16, include=["*.gate_proj", "*.v_proj"])
    mixed = quantized(first, tmp_path, bits=8, group_size=64)
    assert joinable(inspect(tiny_llama).grids) == {"qkv_proj", "gate_up_proj"}
    assert joinable(inspect(first).grids) == joinable(inspect(mixed).grids) == frozenset()
    for checkpoint, products in (
        (tiny_llama, {"qkv_proj", "gate_up_proj"}),
        (mixed, {"q_proj", "gate_proj", "up_proj"}),
    ):
        folder = build(checkpoint, tmp_path, accuracy="exact")
        names = {node.name.split("/")[-2] for node in ir.load(folder / "model.onnx").graph if "MatMul" in node.op_type}
        assert names >= products
        session = open_session(folder, threads=1)
        ids = _ids(session, 1, 40)
        assert _error(session.logits(ids), _twin_logits(checkpoint, ids)) < 1e-3
        session.close()


def test_weights_are_read_when_they_are_written(tiny_llama: Path) -> None:
    join = frozenset({"qkv_proj", "gate_up_proj"})
    with new_tensors() as count:
        outline = Outline(tiny_llama)
        written = decoder_graph(outline, tiny_llama, Heard().context, device="cpu", dtype=ir.DataType.FLOAT, join=join)
        gc.collect()
        gate_and_up = 4 * 1024 * 256
        assert count() < gate_and_up
    joined = written.model.graph.initializers["model.layers.1.mlp.gate_up_proj.MatMul.weight"].const_value
    assert joined is not None
    mlp = load_model(tiny_llama, dtype=torch.float32).model.layers[1].mlp
    expected = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]).T.detach()
    np.testing.assert_array_equal(joined.numpy(), expected)


def test_sequences_grow_and_shrink(tiny_llama: Path, tmp_path: Path) -> None:
    session = open_session(build(tiny_llama, tmp_path), threads=1)
    sequences.check_appending(session)
    session.close()


def test_keys_have_room_to_turn() -> None:
    angle = np.linspace(0, 3, 7)
    keys = np.stack([3 * np.cos(angle), np.ones(7), 3 * np.sin(angle), np.zeros(7)], axis=-1)[None].astype(np.float32)
    np.testing.assert_allclose(cache_scales._reach(keys), np.tile([3, 1, 3, 1], (1, 7, 1)), rtol=1e-6)


def test_cache_in_8_bits(tiny_llama: Path, tmp_path: Path) -> None:
    plain, folder = build(tiny_llama, tmp_path), build(tiny_llama, tmp_path, kv_cache="8-bit")
    artefact, other = read_artefact(folder), read_artefact(plain)
    assert artefact is not None
    assert other is not None
    assert artefact.facts["kl_divergence_nats with a float cache"] == other.facts["kl_divergence_nats"]
    assert artefact.facts["kl_divergence_nats"] < 1e-3
    assert artefact.weight_bytes == other.weight_bytes + 3 * 2 * 128 * 4  # the scales
    session = open_session(folder, threads=1)
    ids = _ids(session, 2, 40)
    assert 1e-5 < _error(session.logits(ids), _twin_logits(tiny_llama, ids)) < 0.05
    assert {buffer.numpy().dtype for buffer in session._cache._buffers.values()} == {np.dtype(np.int8)}
    sequences.check_appending(session)
    sequences.check_padding(session)
    ids = _ids(session, 1, 256)
    session.prefill(ids[:, :3])
    session._cache._allocate(8, session._cache._buffers, 3)  # so that it has to grow
    session._bind_cache()
    last = [session.decode(ids[:, i]) for i in range(3, 256)][-1]
    assert _error(last, session.logits(ids)[:, -1]) < 1e-4
    session.close()


def test_fast_integers_round_alike_where_tokens_are_guessed(stories15m: Path, tmp_path: Path) -> None:
    checkpoint = quantized(stories15m, tmp_path, bits=8, head=8)
    folder = build(checkpoint, tmp_path, Target(runtime="onnxruntime", speculation="lookup"))
    artefact = read_artefact(folder)
    assert artefact is not None
    assert (artefact.facts["accuracy level"], artefact.facts["key-value cache"]) == (4, "8 bits")
    session = open_session(folder, threads=2)
    assert isinstance(session, SpeculativeSession)
    assert session.exact
    sequences.check_rounding_alike(session)
    session.close()


def test_full_precision(tiny_llama: Path, tmp_path: Path) -> None:
    folder = build(tiny_llama, tmp_path)
    session = open_session(folder, threads=1)
    ids = _ids(session, 2, 40)
    assert _error(session.logits(ids), _twin_logits(tiny_llama, ids)) < 1e-3
    session.close()


def test_mixed_precision_checkpoint(tiny_llama: Path, tmp_path: Path) -> None:
    checkpoint = run_pass(tiny_llama, "mixed_precision", {"dtype": "bfloat16", "islands": False}, tmp_path / "half")
    session = open_session(build(checkpoint, tmp_path), threads=1)
    ids = _ids(session, 1, 40)
    assert _error(session.logits(ids), _twin_logits(checkpoint, ids)) < 1e-3
    session.close()


def test_decoding_equals_reading_at_once(tiny_llama: Path, tmp_path: Path) -> None:
    session = open_session(build(quantized(tiny_llama, tmp_path, bits=4), tmp_path, accuracy="exact"), threads=1)
    for rows, length, prompt in ((1, 200, 5), (3, 30, 1), (1, 60, 60)):
        ids = _ids(session, rows, length)
        whole = session.logits(ids)
        steps = [session.prefill(ids[:, :prompt]), *(session.decode(ids[:, i]) for i in range(prompt, length))]
        assert _error(np.stack(steps, 1), whole[:, prompt - 1 :]) < 1e-4
    session.close()


def test_cache_grows_to_the_context_and_no_further(tiny_llama: Path, tmp_path: Path) -> None:
    session = open_session(build(tiny_llama, tmp_path), threads=1)
    ids = _ids(session, 1, 256)
    session._cache._capacity = 0
    session.prefill(ids[:, :3])
    session._cache._allocate(8, session._cache._buffers, 3)
    session._bind_cache()
    last = [session.decode(ids[:, i]) for i in range(3, 256)][-1]
    assert _error(last, session.logits(ids)[:, -1]) < 1e-4
    session.prefill(ids)
    with pytest.raises(ValueError, match="holds 256"):
        session.decode(ids[:, 0])
    session.close()


def test_automatic_takes_the_fast_level_where_it_is_good(stories15m: Path, tmp_path: Path) -> None:
    artefact = read_artefact(build(quantized(stories15m, tmp_path, bits=8, head=8), tmp_path))
    assert artefact is not None
    assert artefact.facts["accuracy level"] == 4
    assert 0 < artefact.facts["kl_divergence_nats"] < 0.01
    assert artefact.facts["relative error"] < 1e-3
    assert artefact.weight_bytes < 20e6


def test_tied_weights_are_stored_once(tiny_llama: Path, tmp_path: Path) -> None:
    folder = build(quantized(tiny_llama, tmp_path, bits=8, head=8), tmp_path)
    artefact = read_artefact(folder)
    assert artefact is not None
    parameters = 512 * 256 + 3 * (256 * (256 + 128 + 128 + 256) + 3 * 256 * 512)
    assert artefact.weight_bytes < 1.2 * parameters + 4 * 256 * 40
    assert set(artefact.files) >= {
        "model.onnx",
        "model.onnx.data",
        "genai_config.json",
        "tokenizer.json",
        "config.json",
    }


def test_nothing_of_the_machine_is_written(tiny_llama: Path, tmp_path: Path) -> None:
    folder = build(quantized(tiny_llama, tmp_path, bits=8), tmp_path)
    for name in ("model.onnx", "genai_config.json", "config.json", "generate.py", "hasten.json"):
        data = (folder / name).read_bytes()
        for word in (str(tmp_path), str(tiny_llama), str(Path.home()) + "/", "site-packages"):
            assert word.encode() not in data, (name, word)


def test_example_needs_only_onnxruntime_and_tokenizers(stories260k: Path, tmp_path: Path) -> None:
    prompt = "Once upon a time, there was a"
    folder = build(stories260k, tmp_path)
    session = open_session(folder, threads=1)
    from engine.text.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(folder)
    ids = tokenizer(prompt)["input_ids"]
    expected = [step.token_id for step in session.generate(np.array(ids), 20)]
    session.close()
    blocker = "import sys\nfor n in ('torch', 'transformers', 'onnx', 'engine'): sys.modules[n] = None\n"
    program = f"{blocker}sys.path.insert(0, '.')\nimport generate\nprint(repr(generate.main({prompt!r}, 20)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    whole = tokenizer.decode([*ids, *expected], skip_special_tokens=True)
    assert done.stdout.strip() == repr(whole.removeprefix(prompt))
    assert whole.startswith(f"{prompt} ")  # the space between prompt and answer is not lost


@pytest.mark.parametrize("cache", ["float", "8-bit"])
def test_readable_by_onnxruntime_genai(cache: str, tiny_llama: Path, tmp_path: Path) -> None:
    folder = build(quantized(tiny_llama, tmp_path, bits=8, head=8), tmp_path, accuracy="exact", kv_cache=cache)
    assert json.loads((folder / "genai_config.json").read_text())["model"]["decoder"]["filename"] == "model.onnx"
    program = (
        "import sys, numpy as np, onnxruntime_genai as og\n"
        "model = og.Model(sys.argv[1]); params = og.GeneratorParams(model); params.set_search_options(max_length=20)\n"
        "generator = og.Generator(model, params); generator.append_tokens(np.arange(3, 13, dtype=np.int32))\n"
        "[generator.generate_next_token() for _ in range(5)]\n"
        "print(list(map(int, generator.get_sequence(0)))[10:])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    session = open_session(folder, threads=1)
    ours = [step.token_id for step in session.generate(np.arange(3, 13), 5, stop_at_eos=False)]
    session.close()
    assert json.loads(done.stdout) == ours


def test_building_can_be_cancelled(tiny_llama: Path, tmp_path: Path) -> None:
    from engine.runtimes.onnx_runtime.lower import build as lower
    from engine.runtimes.onnx_runtime.spec import SPEC

    def step(done: float, total: float, text: str) -> None:
        if text == "Writing weights":
            raise Cancelled

    with pytest.raises(Cancelled):
        lower(
            BuildContext(
                step=step, notice=print, source=tiny_llama, destination=tmp_path, info=inspect(tiny_llama),
                options=SPEC.options(), target=read_target(),
            )
        )  # fmt: skip


def read_target() -> Any:
    from engine.recipe.recipe import Target

    return Target(runtime="onnxruntime")
