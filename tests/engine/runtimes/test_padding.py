"""A batch of texts of mixed lengths gives each text what it gets alone, on every runtime."""

from __future__ import annotations

import ast
import inspect
import runpy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.bench.embeddings import Pooling, embed
from engine.bench.texts import by_length
from engine.recipe.recipe import Target
from engine.runtimes import catalog
from engine.runtimes.base import Session, TextBatch
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer
from tests.helpers import encoders, sequences
from tests.helpers.onnx_runtime import build
from tests.helpers.tensorrt import opened

# options that make a runtime compute in float32, so that a wrong position shows
EXACT: dict[str, dict[str, Any]] = {
    "transformers": {},
    "torch_compile": {"context": 64},
    "onnxruntime": {"accuracy": "exact"},
    "openvino": {"accuracy": "exact"},
    "llamacpp": {"kv_cache": "f32", "attention": "plain"},
    "tensorrt": {},
}


def session_of(checkpoint: Path, runtime: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """`checkpoint` on `runtime`; TensorRT's session over ONNX Runtime, for four texts at once."""
    if runtime == "tensorrt":
        session: Session = opened(checkpoint, scratch, monkeypatch, batch=4, context=128)
        return session
    found = catalog.get(runtime).availability()
    if not found.usable:
        pytest.skip(found.reason)
    options = EXACT[runtime]
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / "hasten-test-inductor"))
    return open_session(build(checkpoint, scratch, Target(runtime=runtime, options=options, threads=1)), threads=1)


def runtimes(*without: str) -> list[Any]:
    assert list(EXACT) == list(catalog.all_runtimes())
    slow = ("torch_compile", "tensorrt")  # tests/engine/runtimes/tensorrt/test_graph.py pads quickly
    return [pytest.param(name, marks=pytest.mark.slow if name in slow else ()) for name in EXACT if name not in without]


@pytest.mark.parametrize("runtime", runtimes())
def test_texts_padded_left_are_continued_as_alone(
    runtime: str, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(tiny_llama, runtime, tmp_path, monkeypatch)
    sequences.check_padding(session)
    session.close()


@pytest.mark.parametrize("runtime", runtimes("llamacpp"))  # which runs decoders only
@pytest.mark.parametrize("task", ["feature-extraction", "text-classification", "token-classification"])
def test_padded_texts_are_encoded_as_alone(
    task: str, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(encoders.model("Bert", task, tmp_path / "source"), runtime, tmp_path, monkeypatch)
    texts = encoders.batch(pad=1)
    together = session.hidden(texts)
    classes = session.classify(texts) if task == "text-classification" else None
    tags = session.tag(texts) if task == "token-classification" else None
    for row, length in enumerate(texts.attention_mask.sum(axis=1)):
        alone = TextBatch(texts.input_ids[row : row + 1, :length], np.ones((1, length), np.int64))
        assert encoders.close(together[row, :length], session.hidden(alone)[0])
        if classes is not None:
            assert encoders.close(classes[row : row + 1], session.classify(alone))
        if tags is not None:
            assert encoders.close(tags[row, :length], session.tag(alone)[0])
    session.close()


# of 5 to 73 tokens, so that they do not fit into one batch
MANY = ["cat " * (1 + 7 * place % 18) for place in range(40)]


@pytest.mark.parametrize("runtime", ["onnxruntime", pytest.param("torch_compile", marks=pytest.mark.slow)])
def test_many_texts_come_back_in_their_order_as_alone(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = encoders.model("Bert", "feature-extraction", tmp_path / "source")
    session, tokenizer = session_of(source, runtime, tmp_path, monkeypatch), load_tokenizer(source)
    together = embed(session, tokenizer, MANY, Pooling(), lambda done, total: None)
    for place in (0, 3, 11, 39):
        alone = embed(session, tokenizer, [MANY[place]], Pooling(), lambda done, total: None)
        assert encoders.close(together[place : place + 1], alone)
    session.close()


@pytest.mark.parametrize("task", ["feature-extraction", "text-classification", "token-classification"])
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_example_encodes_many_texts_as_each_alone(runtime: str, task: str, tmp_path: Path) -> None:
    source = encoders.model("Bert", task, tmp_path / "source")
    folder = build(source, tmp_path, Target(runtime=runtime, options=EXACT[runtime], threads=1))
    main = runpy.run_path(str(folder / "encode.py"))["main"]
    together = main(MANY)
    assert len(together) == len(MANY)
    for place in (0, 3, 11, 39):
        assert encoders.close(together[place], main([MANY[place]])[0])


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_example_cuts_texts_into_the_same_batches(runtime: str) -> None:
    options = Path(inspect.getfile(catalog.get(runtime).options))
    tree = ast.parse((options.parent / "examples" / "encode.py").read_text(encoding="utf-8"))
    (theirs,) = (part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == "by_length")
    (ours,) = ast.parse(inspect.getsource(by_length)).body
    assert isinstance(ours, ast.FunctionDef)
    assert list(map(ast.dump, theirs.body[1:])) == list(map(ast.dump, ours.body[1:]))
