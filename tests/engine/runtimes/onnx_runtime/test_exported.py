"""Decoders without a fused graph: what Transformers' exporter writes computes what the torch model does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest
import torch

from engine.checkpoint import trust
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.compare.graph import read
from engine.passes.targets import stores_inputs_first
from engine.protocol.errors import Cancelled, UserError
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import Problem, problems
from engine.runtimes.base import BuildContext
from engine.runtimes.onnx_runtime.limits import EXPORTED
from engine.runtimes.onnx_runtime.lower import build as lower
from engine.runtimes.onnx_runtime.spec import SPEC
from engine.runtimes.open import SILENT, open_session, read_artefact
from engine.runtimes.verify import relative_error
from engine.text.tokenizer import load_tokenizer
from tests.helpers import checkpoints, sequences
from tests.helpers.exported import DECODERS, UNFIT, decoder
from tests.helpers.onnx_runtime import build, quantized

_FAST = ("GPT2LMHeadModel", "StableLmForCausalLM")
_TARGET = Target(runtime="onnxruntime")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return decoder(tmp_path_factory.mktemp("gpt2"), "GPT2LMHeadModel")


@pytest.fixture(scope="module")
def built_gpt2(gpt2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(gpt2, tmp_path_factory.mktemp("built"))


def _ids(rows: int, length: int) -> np.ndarray:
    return np.random.default_rng(1).integers(3, 400, (rows, length))


def test_every_architecture_that_is_offered_is_tried() -> None:
    assert set(DECODERS) == EXPORTED


@pytest.mark.parametrize(
    "architecture", [pytest.param(name, marks=() if name in _FAST else pytest.mark.slow) for name in DECODERS]
)
def test_an_exported_decoder_continues_as_the_original(architecture: str, tmp_path: Path) -> None:
    checkpoint = decoder(tmp_path / "source", architecture)
    integers = not stores_inputs_first(inspect(checkpoint))  # whose layers no grid can hold
    if integers:
        checkpoint = quantized(checkpoint, tmp_path, bits=8, group_size=32, head=8)
    folder = build(checkpoint, tmp_path, accuracy="exact")
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.facts["graph"] == "Transformers' exporter"
    twin = load_model(checkpoint, dtype=torch.float32)
    if integers:  # every grid has its place; one that embedding and head share has two
        info = inspect(checkpoint)
        modules = [module for scheme in info.grids for module in scheme.modules]
        assert len(modules) > 2 * 4
        assert artefact.facts["integer nodes"] == len(modules) + info.tied_embeddings
    for node in ir.load(folder / "model.onnx").graph:  # keys that several query heads share are not repeated for them
        if node.op_type == "Attention":
            whole = [value.producer() for value in node.inputs[1:3] if value is not None]
            assert [producer.op_type for producer in whole if producer is not None] == ["TensorScatter"] * 2
    session, eager = open_session(folder, threads=1), open_session(checkpoint, threads=1)
    ids = _ids(2, 40)
    with torch.inference_mode():
        expected = twin(torch.from_numpy(ids)).logits.numpy()
    assert relative_error(session.logits(ids), expected) < 1e-5
    sequences.check_appending(session)
    sequences.check_padding(session)
    answers = [
        [step.token_id for step in opened.generate(ids[0, :10], 20, stop_at_eos=False)] for opened in (session, eager)
    ]
    assert answers[0] == answers[1]
    session.close()
    eager.close()


def test_the_cache_grows_to_the_context_and_no_further(built_gpt2: Path) -> None:
    session = open_session(built_gpt2, threads=1)
    ids = _ids(2, 256)
    session.prefill(ids[:, :3])
    session._cache._allocate(8, session._cache._buffers, 3)  # so that it has to grow
    session._bind_cache()
    last = [session.decode(ids[:, i]) for i in range(3, 256)][-1]
    assert relative_error(last, session.logits(ids)[:, -1]) < 1e-4
    session.prefill(ids)
    with pytest.raises(ValueError, match="holds 256"):
        session.decode(ids[:, 0])
    session.close()


def test_a_short_text_does_not_pay_for_a_long_one_before_it(built_gpt2: Path) -> None:
    session = open_session(built_gpt2, threads=1)
    session._cache._limit = 2000  # as a model of a longer context would have it
    session._cache.start(1, 1500)
    session._bind_cache()
    session.prefill(_ids(1, 5))
    assert session._cache._capacity == 5 + 256
    session.close()


def test_keys_and_values_are_written_where_they_lie(built_gpt2: Path) -> None:
    session = open_session(built_gpt2, threads=1)
    session.prefill(_ids(1, 5))
    buffers = session._cache._buffers
    before = {name: (buffer.data_ptr(), buffer.numpy().copy()) for name, buffer in buffers.items()}
    session.decode(np.array([7]))
    for name, buffer in session._cache._buffers.items():
        place, old = before[name]
        assert buffer.data_ptr() == place
        changed = np.flatnonzero((buffer.numpy() != old).any(axis=(0, 1, 3)))
        assert changed.tolist() == [5]
    session.close()


def test_weights_are_stored_once_and_foreseen(gpt2: Path, built_gpt2: Path) -> None:
    artefact = read_artefact(built_gpt2)
    assert artefact is not None
    foreseen = SPEC.weight_bytes(inspect(gpt2), SPEC.options())  # where embedding and head are one weight
    assert artefact.weight_bytes == pytest.approx(foreseen, rel=0.01)
    assert (built_gpt2 / "model.onnx.data").stat().st_size == pytest.approx(foreseen, rel=0.1)
    assert read(built_gpt2).nodes_after < read(built_gpt2).nodes_before == artefact.facts["nodes"]


def test_nothing_of_the_machine_is_written(gpt2: Path, built_gpt2: Path) -> None:
    for path in built_gpt2.rglob("*"):
        data = path.read_bytes()
        for word in (str(built_gpt2.parent), str(gpt2), str(Path.home()) + "/", "site-packages", 'File "'):
            assert word.encode() not in data, (path.name, word)


def test_the_example_needs_only_onnxruntime_and_tokenizers(built_gpt2: Path) -> None:
    prompt = "Once upon a time"
    tokenizer = load_tokenizer(built_gpt2)
    ids = tokenizer(prompt)["input_ids"]
    session = open_session(built_gpt2, threads=1)
    steps = [step.token_id for step in session.generate(np.array(ids), 12)]
    session.close()
    blocker = "import sys\nfor n in ('torch', 'transformers', 'onnx', 'engine'): sys.modules[n] = None\n"
    program = f"{blocker}sys.path.insert(0, '.')\nimport generate\nprint(repr(generate.main({prompt!r}, 12)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=built_gpt2, capture_output=True, text=True, check=True)
    whole = tokenizer.decode([*ids, *steps], skip_special_tokens=True)
    assert done.stdout.strip() == repr(whole.removeprefix(tokenizer.decode(ids)))


# What is said before a run, and what happens in one that is started all the same ---------------------------------


def _said(checkpoint: Path, target: Target = _TARGET) -> list[Problem]:
    return [p for p in problems(Recipe(target=target), inspect(checkpoint)) if p.index is None]


def test_the_card_says_what_an_exported_graph_lacks(gpt2: Path) -> None:
    assert [(p.severity, "no fused graph" in p.text) for p in _said(gpt2)] == [("note", True)]
    cuda = _said(gpt2, _TARGET.model_copy(update={"device": "cuda"}))
    assert any(p.severity == "note" and "weights in 32 bits" in p.text for p in cuda)
    assert all("cannot use CUDA" in p.text for p in cuda if p.severity == "stop")
    eight = _said(gpt2, _TARGET.model_copy(update={"options": {"kv_cache": "8-bit"}}))
    assert any(p.severity == "stop" and "in fused graphs only" in p.text for p in eight)


@pytest.mark.parametrize(("architecture", "reason"), [
    ("GPTNeoForCausalLM", "does not compute what the original does"),
    ("MptForCausalLM", "exporter cannot write"),
    pytest.param("FalconForCausalLM", "ONNX Runtime cannot run", marks=pytest.mark.slow),
])  # fmt: skip
def test_what_cannot_be_exported_is_refused_beforehand_and_by_the_build(
    architecture: str, reason: str, tmp_path: Path
) -> None:
    checkpoint = decoder(tmp_path / "source", architecture, UNFIT)
    assert [p.severity for p in _said(checkpoint)] == ["stop"]
    with pytest.raises(UserError) as caught:
        build(checkpoint, tmp_path)
    assert caught.value.code == "unsupported_architecture"
    assert reason in caught.value.cause
    assert "\n" not in caught.value.cause


def test_a_checkpoints_own_code_is_exported_once_it_is_allowed(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    own = checkpoints.with_own_code(tiny_llama, tmp_path / "own", tmp_path / "it-ran")
    assert [(p.severity, "may refuse" in p.text) for p in _said(own)] == [("note", True)]
    with pytest.raises(UserError) as caught:
        build(own, tmp_path)
    assert caught.value.code == "remote_code"
    assert not (tmp_path / "it-ran").exists()
    trust.grant(own)
    folder = build(own, tmp_path)
    session, expected = open_session(folder, threads=1), open_session(tiny_llama, threads=1)
    assert relative_error(session.logits(_ids(1, 20)), expected.logits(_ids(1, 20))) < 1e-4


def test_exporting_can_be_cancelled(gpt2: Path, tmp_path: Path) -> None:
    asked = []

    def step(done: float, total: float, text: str) -> None:
        asked.append((done, text))
        # the second time that the last layer is reached: the first is for the sample, the second is traced
        if asked.count((1, "Exporting the graph")) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        lower(
            BuildContext(
                step=step, notice=SILENT.notice, source=gpt2, destination=tmp_path, info=inspect(gpt2),
                options=SPEC.options(), target=_TARGET,
            )
        )  # fmt: skip
    assert not list(tmp_path.glob("model.onnx*"))
