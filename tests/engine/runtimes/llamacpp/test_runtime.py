"""Decoders on llama.cpp answer what the dequantised torch model does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("llama_cpp")

from engine.checkpoint.load import load_model
from engine.decoding.speculative import SpeculativeSession
from engine.gguf.write import write_gguf
from engine.protocol.errors import UserError
from engine.recipe.recipe import Target
from engine.runtimes.base import OpenRequest, Session
from engine.runtimes.llamacpp.apart import ApartSession
from engine.runtimes.llamacpp.attention import quicker
from engine.runtimes.llamacpp.library import Model
from engine.runtimes.llamacpp.limits import MODEL
from engine.runtimes.open import SILENT, open_session, read_artefact
from engine.runtimes.verify import divergence
from engine.text.tokenizer import load_tokenizer
from tests.helpers.architectures import DECODERS, decoder
from tests.helpers.onnx_runtime import build, quantized, run_pass
from tests.helpers.sequences import check_appending, check_rounding_alike

TEXTS = [
    "Once upon a time, there was 1 girl, 22 dogs and 3333 cats.",
    "It's 3 o'clock; THEY'RE late.",
    "  two spaces\n\nand\tlines  ",
    "你好，世界。我想在apple工作",
    "so happy 😀🦙 é ñ",
    "<s>marks</s> inside",
]


def built(checkpoint: Path, scratch: Path, **options: Any) -> Path:
    return build(checkpoint, scratch, Target(runtime="llamacpp", threads=1, options=options))


def opened(checkpoint: Path, scratch: Path, **options: Any) -> Session:
    return open_session(built(checkpoint, scratch, **options), threads=1)


def exact(checkpoint: Path, scratch: Path) -> Session:
    """One that rounds no keys and values, so that a wrong position or sequence shows."""
    return opened(checkpoint, scratch, kv_cache="f32", attention="plain")


def twin_logits(checkpoint: Path, ids: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = load_model(checkpoint, dtype=torch.float32)(torch.from_numpy(ids)).logits.numpy()
    return found


def error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def some_ids(rows: int, length: int) -> np.ndarray:
    return np.random.default_rng(1).integers(3, 380, (rows, length))


def test_rounds_alike_where_tokens_are_guessed(stories15m: Path, tmp_path: Path) -> None:
    checkpoint = quantized(stories15m, tmp_path, bits=8, head=8)
    session = open_session(build(checkpoint, tmp_path, Target(runtime="llamacpp", speculation="lookup")), threads=1)
    if isinstance(session, SpeculativeSession):
        assert session.exact
        check_rounding_alike(session)
    else:  # this processor's kernels round several tokens otherwise than one
        assert session.remark.startswith("Nothing is guessed ahead")
    session.close()


@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_gives_the_twins_logits(name: str, tmp_path: Path) -> None:
    checkpoint = decoder(tmp_path / "model", name)
    artefact = read_artefact(built(checkpoint, tmp_path))
    assert artefact is not None
    assert 0 < artefact.facts["relative error"] < 1e-3
    assert artefact.facts["kl_divergence_nats"] < 1e-5


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        pytest.param({"bits": 8, "group_size": 32, "head": 8}, "Q8_0", marks=pytest.mark.slow),
        pytest.param({"bits": 4, "group_size": 32, "head": 8}, "Q4_0", marks=pytest.mark.slow),
        ({"bits": 4, "group_size": 32, "symmetric": False, "head": 8}, "Q4_1"),
    ],
)
def test_integers_answer_the_same_up_to_their_rounded_activations(
    options: dict[str, Any], kind: str, stories15m: Path, tmp_path: Path
) -> None:
    folder = built(quantized(stories15m, tmp_path, **options), tmp_path)
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.facts["types"].startswith(("Q8_0", kind))
    assert kind in artefact.facts["types"]
    assert 0 < artefact.facts["kl_divergence_nats"] < 0.01
    assert artefact.weight_bytes < 20e6


@pytest.mark.parametrize(
    ("dtype", "kind"), [("bfloat16", "BF16"), pytest.param("float16", "F16", marks=pytest.mark.slow)]
)
def test_16_bit_floats_stay_what_they_are(dtype: str, kind: str, stories15m: Path, tmp_path: Path) -> None:
    half = run_pass(stories15m, "mixed_precision", {"dtype": dtype, "islands": False}, tmp_path / "half")
    artefact = read_artefact(built(half, tmp_path))
    assert artefact is not None
    assert artefact.facts["types"].startswith(kind)
    assert artefact.facts["largest difference of a weight"] == 0.0
    assert artefact.facts["kl_divergence_nats"] < 1e-3


def test_steps_equal_reading_at_once(tiny_llama: Path, tmp_path: Path) -> None:
    session = exact(tiny_llama, tmp_path)
    for rows, length, prompt in ((1, 200, 5), (3, 30, 1), (1, 60, 60)):
        ids = some_ids(rows, length)
        whole = session.logits(ids)
        assert error(whole, twin_logits(tiny_llama, ids)) < 1e-4
        steps = [session.prefill(ids[:, :prompt]), *(session.decode(ids[:, i]) for i in range(prompt, length))]
        assert error(np.stack(steps, 1), whole[:, prompt - 1 :]) < 1e-4
    session.close()


def test_sequences_go_on_and_are_taken_back(tiny_llama: Path, tmp_path: Path) -> None:
    session = exact(tiny_llama, tmp_path)
    check_appending(session)
    with pytest.raises(ValueError, match="no 40 tokens"):
        session.rewind(40)
    session.close()


def test_memory_grows_to_the_context_and_no_further(tmp_path: Path) -> None:
    checkpoint = decoder(tmp_path / "model", "qwen2", max_position_embeddings=800)
    session = exact(checkpoint, tmp_path)
    ids = some_ids(2, 800)
    session.prefill(ids[:, :100])
    last = [session.decode(ids[:, index]) for index in range(100, 800)][-1]
    assert error(last, twin_logits(checkpoint, ids)[:, -1]) < 1e-4
    with pytest.raises(ValueError, match="holds 800"):
        session.decode(ids[:, 0])
    # longer than what is computed at once
    assert error(session.prefill(ids[:, :700]), twin_logits(checkpoint, ids[:, :700])[:, -1]) < 1e-4
    session.close()


def test_greedy_text_is_the_originals(stories15m: Path, tmp_path: Path) -> None:
    from engine.runtimes.transformers_eager.session import EagerSession

    ids = np.array(load_tokenizer(stories15m)("Once upon a time, there was a little")["input_ids"])
    theirs = open_session(stories15m, threads=1)
    assert isinstance(theirs, EagerSession)
    ours = opened(stories15m, tmp_path)
    assert [s.token_id for s in ours.generate(ids, 40)] == [s.token_id for s in theirs.generate(ids, 40)]
    assert ours.context_length == 256
    ours.close()


@pytest.mark.parametrize("name", ["stories260k", "stories15m", "tiny_llama", "sample"])
def test_llama_cpp_cuts_text_as_the_checkpoints_tokenizer_does(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    checkpoint = request.getfixturevalue(name)
    write_gguf(checkpoint, tmp_path / MODEL, SILENT)
    model, tokenizer = Model(tmp_path / MODEL), load_tokenizer(checkpoint)
    for text in TEXTS:
        assert model.tokenize(text) == tokenizer(text)["input_ids"], text
    model.close()


def test_a_tokenizer_that_puts_no_space_before_a_text(stories260k: Path, tmp_path: Path) -> None:
    checkpoint = shutil.copytree(stories260k, tmp_path / "model")
    stored = json.loads((checkpoint / "tokenizer.json").read_text())
    del stored["normalizer"]["normalizers"][0]
    (checkpoint / "tokenizer.json").write_text(json.dumps(stored))
    write_gguf(checkpoint, tmp_path / MODEL, SILENT)
    model, tokenizer = Model(tmp_path / MODEL), load_tokenizer(checkpoint)
    for text in TEXTS:
        assert model.tokenize(text) == tokenizer(text)["input_ids"], text
    model.close()


@pytest.mark.parametrize("options", [{"kv_cache": "q8_0"}, {"kv_cache": "f32"}, {"attention": "plain"}])
def test_options_reach_llama_cpp(options: dict[str, str], tiny_llama: Path, tmp_path: Path) -> None:
    ids = some_ids(1, 100)
    other = "flash" if options.get("attention") == "plain" else "plain"
    plain, changed = opened(tiny_llama, tmp_path, attention=other), opened(tiny_llama, tmp_path, **options)
    ours, theirs = plain.logits(ids)[0], changed.logits(ids)[0]
    assert not np.array_equal(ours, theirs)
    assert divergence(ours, theirs) < 1e-3
    plain.close()
    changed.close()


@pytest.mark.parametrize("kind", ["Q4_K_M", "Q6_K"])
def test_llama_cpps_own_quantisation(kind: str, tiny_llama: Path, tmp_path: Path) -> None:
    folder = built(tiny_llama, tmp_path, requantise=kind)
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.facts["quantised by llama.cpp"] == kind
    assert f"Q{kind[1]}_K" in artefact.facts["types"]
    assert artefact.facts["kl_divergence_nats"] > 0
    assert sorted(path.name for path in folder.glob("*.gguf")) == [MODEL]


def test_the_example_needs_llama_cpp_alone(stories260k: Path, tmp_path: Path) -> None:
    prompt = "Once upon a time, there was a"
    folder = built(stories260k, tmp_path)
    session = open_session(folder, threads=1)
    tokenizer = load_tokenizer(folder)
    ids = tokenizer(prompt)["input_ids"]
    expected = [step.token_id for step in session.generate(np.array(ids), 20)]
    session.close()
    blocker = "import sys\nfor n in ('torch', 'transformers', 'engine'): sys.modules[n] = None\n"
    program = f"{blocker}sys.path.insert(0, '.')\nimport generate\nprint(repr(generate.main({prompt!r}, 20)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    whole = tokenizer.decode([*ids, *expected], skip_special_tokens=True)
    assert done.stdout.strip() == repr(whole.removeprefix(prompt))


def test_nothing_of_the_machine_is_written(tiny_llama: Path, tmp_path: Path) -> None:
    folder = built(quantized(tiny_llama, tmp_path, bits=8), tmp_path)
    for name in (MODEL, "config.json", "generate.py", "hasten.json"):
        data = (folder / name).read_bytes()
        for word in (str(tmp_path), str(tiny_llama), str(Path.home()) + "/", "site-packages"):
            assert word.encode() not in data, (name, word)


def test_a_damaged_file_is_told(tiny_llama: Path, tmp_path: Path) -> None:
    folder = built(tiny_llama, tmp_path)
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot open"):
        open_session(folder)


def test_attention_is_measured_where_it_is_left_open(tiny_llama: Path, tmp_path: Path) -> None:
    artefact = read_artefact(built(tiny_llama, tmp_path))
    assert artefact is not None
    chosen = artefact.target.options["attention"]
    assert chosen in ("plain", "flash")
    assert artefact.facts["attention"] == chosen
    assert {"plain attention", "flash attention"} <= set(artefact.facts)
    other = read_artefact(built(tiny_llama, tmp_path, attention="flash"))
    assert other is not None
    assert "plain attention" not in other.facts


def test_flash_attention_has_to_be_clearly_quicker() -> None:
    assert quicker({"plain": (0.1, 0.010), "flash": (0.1, 0.005)}) == "flash"
    assert quicker({"plain": (0.1, 0.010), "flash": (0.1, 0.0099)}) == "plain"


def apart(folder: Path) -> ApartSession:
    artefact = read_artefact(folder)
    assert artefact is not None
    return ApartSession(
        OpenRequest(step=SILENT.step, notice=SILENT.notice, folder=folder, artefact=artefact, threads=1, device="cpu")
    )


def test_a_process_of_its_own_answers_the_same(tiny_llama: Path, tmp_path: Path) -> None:
    folder = built(tiny_llama, tmp_path, kv_cache="f32", attention="plain")
    with closing(apart(folder)) as session:
        check_appending(session)
        long = some_ids(8, 200)  # more logits than shared memory takes
        assert error(session.logits(long), twin_logits(tiny_llama, long)) < 1e-3
        with pytest.raises(ValueError, match="no sequences are open"):
            session.decode(np.array([1]))


def test_a_process_that_ends_is_told(tiny_llama: Path, tmp_path: Path) -> None:
    with closing(apart(built(tiny_llama, tmp_path))) as session:
        session._process.kill()
        with pytest.raises(UserError, match="has ended") as caught:
            session.prefill(some_ids(1, 4))
        assert caught.value.code == "worker_died"


def test_kernels_that_crash_are_done_without(tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = built(tiny_llama, tmp_path)
    monkeypatch.setattr(ApartSession, "_crashes", False)
    call = ApartSession._call

    def crash(self: ApartSession, name: str, *arguments: Any) -> Any:
        if arguments and arguments[0]:  # tried with AMX
            self._process.kill()
        return call(self, name, *arguments)

    monkeypatch.setattr(ApartSession, "_call", crash)
    with closing(apart(folder)) as session:
        assert "kernels for AMX crash" in session.remark
        monkeypatch.undo()
        assert session.prefill(some_ids(1, 4)).shape == (1, session.logits(some_ids(1, 1)).shape[-1])


@pytest.mark.parametrize(("head", "same"), [(8, 55), pytest.param(4, 56, marks=pytest.mark.slow)])
def test_4_bits_with_float_offsets_are_ggmls_own(head: int, same: int, stories15m: Path, tmp_path: Path) -> None:
    checkpoint = quantized(stories15m, tmp_path, bits=4, symmetric=False, offsets="float", head=head)
    artefact = read_artefact(built(checkpoint, tmp_path))
    assert artefact is not None
    assert "Q4_1" in artefact.facts["types"]
    # each matrix to the bit but an embedding in 8 bits, whose float32 scales ggml halves
    assert artefact.facts["weights that are the same to the bit"].startswith(f"{same} of 56")
    assert artefact.facts["kl_divergence_nats"] < 0.01
