"""Decoders on OpenVINO compute what the dequantised torch model does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.checkpoint.load import load_model
from engine.protocol.errors import Cancelled
from engine.recipe.recipe import Target
from engine.runtimes.base import Artefact, BuildContext
from engine.runtimes.open import open_session, read_artefact
from engine.runtimes.openvino import settings
from engine.runtimes.openvino.session import DecoderSession
from tests.helpers.onnx_runtime import build as build_for
from tests.helpers.onnx_runtime import quantized, run_pass


def build(checkpoint: Path, scratch: Path, **options: Any) -> Path:
    return build_for(checkpoint, scratch, Target(runtime="openvino", options=options))


def opened(folder: Path) -> DecoderSession:
    session = open_session(folder, threads=1)
    assert isinstance(session, DecoderSession)
    return session


def facts_of(folder: Path) -> Artefact:
    artefact = read_artefact(folder)
    assert artefact is not None
    return artefact


def _twin_logits(checkpoint: Path, ids: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return load_model(checkpoint, dtype=torch.float32)(torch.from_numpy(ids)).logits.numpy()


def _error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _ids(rows: int, length: int) -> np.ndarray:
    return np.random.default_rng(1).integers(3, 500, (rows, length))


@pytest.fixture(scope="module")
def plain(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The random Llama in exact float32. Read-only."""
    return build(tiny_llama, tmp_path_factory.mktemp("plain"), accuracy="exact")


def test_rows_that_no_group_divides(stories260k: Path, tmp_path: Path) -> None:
    checkpoint = quantized(stories260k, tmp_path, bits=4, group_size="row", symmetric=False, head=8)
    session = opened(build(checkpoint, tmp_path, accuracy="exact"))
    ids = _ids(1, 64)
    assert _error(session.logits(ids), _twin_logits(checkpoint, ids)) < 1e-4
    session.close()


def test_full_precision(tiny_llama: Path, plain: Path) -> None:
    session = opened(plain)
    ids = _ids(2, 40)
    assert _error(session.logits(ids), _twin_logits(tiny_llama, ids)) < 1e-4
    session.close()


def test_16_bit_weights_stay_16_bit(tiny_llama: Path, tmp_path: Path) -> None:
    checkpoint = run_pass(tiny_llama, "mixed_precision", {"dtype": "bfloat16", "islands": False}, tmp_path / "half")
    folder = build(checkpoint, tmp_path, accuracy="exact")
    session = opened(folder)
    ids = _ids(1, 40)
    assert _error(session.logits(ids), _twin_logits(checkpoint, ids)) < 1e-4
    parameters = load_model(tiny_llama).num_parameters()
    assert session.weight_bytes == pytest.approx(2 * parameters, rel=0.02)
    session.close()


def test_decoding_equals_reading_at_once(plain: Path) -> None:
    session = opened(plain)
    for rows, length, prompt in ((1, 200, 5), (3, 30, 1), (1, 60, 60)):
        ids = _ids(rows, length)
        whole = session.logits(ids)
        steps = [session.prefill(ids[:, :prompt]), *(session.decode(ids[:, i]) for i in range(prompt, length))]
        assert _error(np.stack(steps, 1), whole[:, prompt - 1 :]) < 1e-4
    session.close()


def test_taking_back_leaves_nothing_behind(plain: Path) -> None:
    session = opened(plain)
    ids, wrong = _ids(2, 60), 511 - _ids(2, 60)
    whole = session.logits(ids)
    session.prefill(ids[:, :8])
    for start in range(8, 56, 4):  # 12 times 7 hidden slots: the cache is packed on the way
        session.extend(wrong[:, :5])
        session.rewind(3)
        session.decode(wrong[:, 9])
        session.rewind(3)
        assert _error(session.extend(ids[:, start : start + 4]), whole[:, start : start + 4]) < 1e-4
    assert session._slots < 56 + 2 * 64
    with pytest.raises(ValueError, match="cannot be taken back"):
        session.rewind(60)
    session.close()


def test_the_context_is_the_limit(plain: Path) -> None:
    session = opened(plain)
    session.prefill(_ids(1, 256))
    with pytest.raises(ValueError, match="holds 256"):
        session.decode(np.array([5]))
    session.rewind(1)
    session.decode(np.array([5]))
    session.close()


def test_automatic_takes_fast_arithmetic_where_it_is_good(stories15m: Path, tmp_path: Path) -> None:
    folder = build(quantized(stories15m, tmp_path, bits=8, head=8), tmp_path)
    artefact = facts_of(folder)
    assert artefact.facts["arithmetic"] != "float32"
    assert 0 < float(artefact.facts["kl_divergence_nats"] or 0) < 0.01
    assert float(artefact.facts["relative error"] or 1) < 1e-3
    assert artefact.weight_bytes < 20e6  # embedding and head once
    exact = opened(folder)
    whole = exact.logits(_ids(1, 8))
    assert np.isfinite(whole).all()
    exact.close()


@pytest.mark.parametrize(("kept", "cache"), [("16-bit", "f16"), ("8-bit", "u8")])
def test_the_cache_is_as_chosen(kept: str, cache: str, stories260k: Path, tmp_path: Path) -> None:
    folder = build(stories260k, tmp_path, precision="float32", kv_cache=kept)
    assert settings.read(folder).cache == facts_of(folder).facts["key-value cache"] == cache
    ids = _ids(1, 100)
    session = opened(folder)
    session.prefill(ids[:, :60])
    error = _error(session.extend(ids[:, 60:]), _twin_logits(stories260k, ids)[:, 60:])
    assert 1e-6 < error < 0.05  # rounded, so the option has an effect, but little
    session.close()


def test_runs_in_openvino_genai_alone(stories260k: Path, tmp_path: Path) -> None:
    prompt = "Once upon a time, there was a"
    folder = tmp_path / "moved"
    shutil.move(build(quantized(stories260k, tmp_path, bits=8, group_size="row", head=8), tmp_path), folder)
    session = opened(folder)
    from engine.text.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(folder)
    ids = tokenizer(prompt)["input_ids"]
    expected = [step.token_id for step in session.generate(np.array(ids), 20)]
    session.close()
    blocker = "import sys\nfor n in ('torch', 'transformers', 'tokenizers', 'engine'): sys.modules[n] = None\n"
    program = f"{blocker}sys.path.insert(0, '.')\nimport generate\nprint(repr(generate.main({prompt!r}, 20)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    whole = tokenizer.decode([*ids, *expected], skip_special_tokens=True)
    assert done.stdout.strip() == repr(whole.removeprefix(prompt))
    assert whole.startswith(f"{prompt} ")  # the space between prompt and answer is not lost


def test_genai_finds_the_same_tokens(tiny_llama: Path, tmp_path: Path) -> None:
    folder = build(quantized(tiny_llama, tmp_path, bits=4, head=8), tmp_path, accuracy="exact")
    program = (
        "import sys; sys.modules['openvino_telemetry'] = None\n"
        "import numpy as np, openvino as ov, openvino_genai as og\n"
        "pipe = og.LLMPipeline(sys.argv[1], 'CPU', INFERENCE_PRECISION_HINT='f32')\n"
        "config = og.GenerationConfig(max_new_tokens=12, do_sample=False, ignore_eos=True)\n"
        "print(list(pipe.generate(ov.Tensor(np.arange(3, 13)[None]), config).tokens[0]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    session = opened(folder)
    ours = [step.token_id for step in session.generate(np.arange(3, 13), 12, stop_at_eos=False)]
    session.close()
    assert json.loads(done.stdout) == ours


def test_nothing_of_the_machine_is_written(tiny_llama: Path, tmp_path: Path) -> None:
    folder = build(quantized(tiny_llama, tmp_path, bits=8), tmp_path)
    for path in folder.iterdir():
        data = path.read_bytes()
        for word in (str(tmp_path), str(tiny_llama), str(Path.home()) + "/", "site-packages"):
            assert word.encode() not in data, (path.name, word)


def test_building_can_be_cancelled(tiny_llama: Path, tmp_path: Path) -> None:
    from engine.checkpoint.inspect import inspect
    from engine.runtimes.openvino.lower import build as lower
    from engine.runtimes.openvino.spec import SPEC

    def step(done: float, total: float, text: str) -> None:
        if text == "Writing the graph" and done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        lower(
            BuildContext(
                step=step, notice=print, source=tiny_llama, destination=tmp_path, info=inspect(tiny_llama),
                options=SPEC.options(), target=Target(runtime="openvino"),
            )
        )  # fmt: skip


def test_no_usage_statistics_are_sent() -> None:
    program = (
        "import sys, engine.runtimes.openvino.library\n"
        "from openvino.tools.ovc import telemetry\n"
        "print(type(telemetry).__module__, 'openvino_telemetry.main' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "False"]
