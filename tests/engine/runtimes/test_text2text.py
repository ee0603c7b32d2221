"""Encoder-decoders: T5, BART and Marian answer on every runtime what Transformers' own generate answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.protocol.errors import UserError
from engine.recipe import presets
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.base import Session
from engine.runtimes.limits import answer_start
from engine.runtimes.open import open_session, read_artefact
from engine.runtimes.text2text import real_first
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.onnx_runtime import build, quantized
from tests.helpers.tensorrt import opened

KINDS = ("t5", "bart", "marian")
GRAPHS = ("onnxruntime", "openvino")
TENSORRT = pytest.param("tensorrt", marks=pytest.mark.slow)  # ten seconds to write the graphs
GRIDS: list[dict[str, Any] | None] = [
    None,
    {"bits": 8, "head": 8},
    {"bits": 8, "group_size": 64, "symmetric": False},
    {"bits": 4, "symmetric": False, "head": 4},
]
SHORT, LONG = np.arange(5, 18), np.arange(3, 40) * 7 % 500 + 4


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("text2text")
    return {kind: tiny_text2text(folder / kind, kind) for kind in KINDS}


def _built(checkpoint: Path, scratch: Path, runtime: str, **options: object) -> Path:
    """`checkpoint` built for `runtime`; Transformers opens it as it is."""
    return (
        checkpoint
        if runtime == "transformers"
        else build(checkpoint, scratch, Target(runtime=runtime, options=options))
    )


def _open(checkpoint: Path, scratch: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> Session:
    """`checkpoint` on `runtime`, exact; TensorRT's session over ONNX Runtime, for two texts at once."""
    if runtime == "tensorrt":
        session: Session = opened(checkpoint, scratch, monkeypatch, batch=2, context=128)
        return session
    return open_session(_built(checkpoint, scratch, runtime, accuracy="exact"), threads=1)


def _generated(folder: Path, ids: np.ndarray, count: int) -> list[int]:
    """Transformers' own greedy answer, without what it starts with."""
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    made = model.generate(torch.from_numpy(ids)[None], max_new_tokens=count, do_sample=False, num_beams=1)
    return list(made[0, len(answer_start(folder)) :].tolist())


def _scores(session: Session, ids: np.ndarray, answer: np.ndarray) -> np.ndarray:
    return np.concatenate([session.prefill(ids[None])[:, None], session.extend(answer[None, :-1])], axis=1)[0]


def _twin(folder: Path, ids: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """The same from the torch model, in one pass without any cache."""
    model = load_model(folder, dtype=torch.float32)
    given = torch.tensor([[*answer_start(folder), *answer[:-1]]])
    with torch.inference_mode():
        return model(input_ids=torch.from_numpy(ids)[None], decoder_input_ids=given, use_cache=False).logits[0].numpy()


def _close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-3) -> bool:
    return bool(np.abs(found - expected).max() < tolerance * np.abs(expected).max())


@pytest.mark.parametrize("kind", [*KINDS, "mt5", "mbart", "pegasus", "m2m_100"])
def test_transformers_answers_as_its_own_generate_does(kind: str, tmp_path: Path) -> None:
    folder = tiny_text2text(tmp_path / kind, kind)
    session = open_session(folder, threads=1)
    for ids in (SHORT, LONG):
        answer = [step.token_id for step in session.generate(ids, 12)]
        assert answer == _generated(folder, ids, 12)
    session.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runtime", GRAPHS)
@pytest.mark.parametrize("options", GRIDS, ids=lambda o: "float" if o is None else f"{o['bits']}")
def test_graphs_compute_what_the_grid_says(
    kind: str, runtime: str, options: dict[str, Any] | None, models: dict[str, Path], tmp_path: Path
) -> None:
    checkpoint = models[kind] if options is None else quantized(models[kind], tmp_path, **options)
    folder = _built(checkpoint, tmp_path, runtime, accuracy="exact")
    session = open_session(folder, threads=1)
    answer = LONG[10:30]
    for ids in (SHORT, LONG):
        assert _close(_scores(session, ids, answer), _twin(checkpoint, ids, answer))
    if options is None:
        assert [step.token_id for step in session.generate(LONG, 12)] == _generated(checkpoint, LONG, 12)
    artefact = read_artefact(folder)
    assert artefact is not None
    integers = artefact.facts["integer nodes" if runtime == "onnxruntime" else "integer weights"]
    assert bool(integers) == (options is not None)
    session.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runtime", ["transformers", *GRAPHS, TENSORRT])
def test_a_padded_batch_is_its_rows_alone(
    kind: str, runtime: str, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _open(models[kind], tmp_path, runtime, monkeypatch)
    alone = [_scores(session, ids, LONG[:6]) for ids in (SHORT, LONG)]
    pad = len(LONG) - len(SHORT)
    for left in (True, False):
        where = (pad, 0) if left else (0, pad)
        ids = np.stack([np.pad(SHORT, where, constant_values=2), LONG])
        mask = np.stack([np.pad(np.ones_like(SHORT), where), np.ones_like(LONG)])
        first = session.prefill(ids, mask)
        rest = session.extend(np.stack([LONG[:5]] * 2))
        for row in range(2):
            assert _close(first[row], alone[row][0], 1e-4)
            assert _close(rest[row], alone[row][1:], 1e-4)
    session.close()


@pytest.mark.parametrize("runtime", ["transformers", *GRAPHS, TENSORRT])
def test_what_is_taken_back_leaves_no_trace(
    runtime: str, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _open(models["t5"], tmp_path, runtime, monkeypatch)
    session.prefill(LONG[None])
    session.decode(np.array([7]))
    expected = session.extend(np.array([[8, 9]]))
    session.rewind(2)
    session.extend(np.array([[30, 31, 32]]))
    session.rewind(3)
    assert _close(session.extend(np.array([[8, 9]])), expected, 1e-5)
    with pytest.raises(ValueError, match="4 tokens cannot be taken back of 3"):
        session.rewind(4)
    with pytest.raises(TypeError, match="prefill, then extend"):
        session.logits(LONG[None])
    session.close()


@pytest.mark.parametrize("runtime", [*GRAPHS, TENSORRT])
def test_positions_beyond_the_farthest_bucket(
    runtime: str, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the tiny T5 tells distances apart up to 16; prompt and answer go well beyond
    session = _open(models["t5"], tmp_path, runtime, monkeypatch)
    answer = np.resize(LONG, 70)
    assert _close(_scores(session, np.resize(LONG, 90), answer), _twin(models["t5"], np.resize(LONG, 90), answer))
    session.close()


@pytest.mark.parametrize("head", [True, False], ids=["tied", "own"])
@pytest.mark.parametrize("runtime", ["transformers", *GRAPHS, TENSORRT])
def test_stacks_of_different_depth_and_a_plain_t5(
    runtime: str, head: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_text2text(
        tmp_path / "t5", num_layers=1, num_decoder_layers=3, feed_forward_proj="relu", tie_word_embeddings=head
    )
    session = _open(source, tmp_path, runtime, monkeypatch)
    assert _close(_scores(session, LONG, SHORT), _twin(source, LONG, SHORT))
    session.close()


def test_a_forbidden_token_is_never_written(tmp_path: Path) -> None:
    source = tiny_text2text(tmp_path / "marian", "marian")
    session = open_session(source, threads=1)
    first = next(session.generate(LONG, 1)).token_id
    session.close()
    settings = source / "generation_config.json"
    forbidding = {"bad_words_ids": [[first]], "forced_bos_token_id": 9}
    settings.write_text(json.dumps(json.loads(settings.read_text()) | forbidding))
    session = open_session(source, threads=1)
    assert (session.start, session.never) == ((2, 9), (first,))
    answer = [step.token_id for step in session.generate(LONG, 12)]
    assert first not in answer
    assert answer == _generated(source, LONG, 13)  # which counts the token that always comes first
    session.close()


@pytest.mark.parametrize("runtime", ["transformers", "openvino"])
def test_the_answer_shares_no_room_with_the_prompt(runtime: str, models: dict[str, Path], tmp_path: Path) -> None:
    session = open_session(_built(models["bart"], tmp_path, runtime), threads=1)
    ids = np.resize(LONG, 128)
    assert sum(1 for _ in session.generate(ids, 500, stop_at_eos=False)) == 127  # 128 positions, one of them the start
    assert session.room(129) == 0
    if runtime == "openvino":
        with pytest.raises(ValueError, match="the model holds 128"):
            session.extend(np.array([[5, 5]]))
    session.close()


@pytest.mark.parametrize("runtime", GRAPHS)
def test_automatic_kernels_and_the_example(runtime: str, models: dict[str, Path], tmp_path: Path) -> None:
    folder = _built(quantized(models["t5"], tmp_path, head=8), tmp_path, runtime)
    artefact = read_artefact(folder)
    assert artefact is not None
    if runtime == "onnxruntime":
        assert artefact.facts["accuracy level"] in ("fast", "fast, exact in the head", "exact")
    else:
        assert artefact.facts["arithmetic"] != "float32" or float(artefact.facts["kl_divergence_nats"] or 0) < 1e-6
    assert float(artefact.facts["kl_divergence_nats"] or 0) <= 0.01
    blocker = "import sys\nfor n in ('torch', 'transformers', 'onnx', 'engine'): sys.modules[n] = None\n"
    program = f"{blocker}sys.path.insert(0, '.')\nimport answer\nprint(repr(answer.main('Once upon a time', 8)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    from engine.text.tokenizer import load_tokenizer

    tokenizer, session = load_tokenizer(folder), open_session(folder, threads=1)
    ids = np.array(tokenizer("Once upon a time")["input_ids"])
    written = [step.token_id for step in session.generate(ids, 8)]
    assert done.stdout.strip() == repr(tokenizer.decode(written, skip_special_tokens=True))
    session.close()


@pytest.mark.parametrize(("kept", "cache"), [("16-bit", "f16"), ("8-bit", "u8")])
def test_openvino_keeps_the_answer_in_fewer_bits(
    kept: str, cache: str, models: dict[str, Path], tmp_path: Path
) -> None:
    folder = _built(models["bart"], tmp_path, "openvino", precision="float32", kv_cache=kept)
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.facts["key-value cache"] == cache
    session = open_session(folder, threads=1)
    whole = _scores(session, LONG, LONG[:30])
    found = np.abs(whole - _twin(models["bart"], LONG, LONG[:30])).max() / np.abs(whole).max()
    assert 1e-6 < found < 0.05  # rounded, so the option has an effect, but little
    session.prefill(LONG[None])
    session.extend(np.concatenate([LONG[:5], SHORT])[None])
    session.rewind(len(SHORT))
    assert _close(session.extend(LONG[None, 5:29])[0], whole[6:], 0.05)
    session.close()


def test_padding_moves_behind_the_text() -> None:
    ids, mask = real_first(np.array([[0, 0, 5, 6], [7, 8, 9, 0]]), np.array([[0, 0, 1, 1], [1, 1, 1, 0]]))
    assert ids.tolist() == [[5, 6, 0, 0], [7, 8, 9, 0]]
    assert mask is not None
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]


def test_recipes_fit_or_say_why_not(models: dict[str, Path], tmp_path: Path) -> None:
    info = inspect(models["t5"])
    assert not [p for p in problems(presets.get("small-cpu").recipe, info) if p.severity == "stop"]
    for runtime in ("openvino", "torch_compile"):
        assert not [p for p in problems(Recipe(target=Target(runtime=runtime)), info) if p.severity == "stop"]
    recipe = Recipe.parse({"passes": [{"pass": "prune_depth"}]})
    [problem] = [p for p in problems(recipe, info) if p.severity == "stop"]
    assert "encoder-decoder has two" in problem.text
    assert problem.fix is not None
    assert not [p for p in problems(problem.fix.apply(recipe), info) if p.severity == "stop"]
    pegasus = inspect(tiny_text2text(tmp_path / "pegasus", "pegasus"))
    for runtime, word in (("onnxruntime", "ONNX"), ("openvino", "OpenVINO")):
        [problem] = [p for p in problems(Recipe(target=Target(runtime=runtime)), pegasus) if p.severity == "stop"]
        assert f"pegasus models have no {word} graph" in problem.text


def test_without_a_start_token(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="starts with"):
        answer_start(tmp_path)
