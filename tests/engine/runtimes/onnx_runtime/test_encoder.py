"""Encoders on ONNX Runtime compute what the torch model does, padding included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session, read_artefact
from tests.helpers.encoders import HEADS, batch, close, model, torch_output
from tests.helpers.onnx_runtime import build, quantized


@pytest.mark.parametrize("kind", ["Bert", "DistilBert", "Roberta"])
@pytest.mark.parametrize("task", HEADS)
def test_every_head(kind: str, task: str, tmp_path: Path) -> None:
    source = model(kind, task, tmp_path / "source")
    checkpoint = quantized(source, tmp_path, bits=8, group_size=32, head=8)
    session = open_session(build(checkpoint, tmp_path, accuracy="exact"), threads=1)
    texts = batch(pad=1)
    real = texts.attention_mask.astype(bool)
    hidden = torch_output(checkpoint, texts, "last_hidden_state", base=True)
    assert close(session.hidden(texts)[real], hidden[real])
    if task == "text-classification":
        assert close(session.classify(texts), torch_output(checkpoint, texts, "logits"))
    if task == "token-classification":
        assert close(session.tag(texts)[real], torch_output(checkpoint, texts, "logits")[real])
        with pytest.raises(TypeError, match="does not classify"):
            session.classify(texts)
    if task == "fill-mask":
        whole = TextBatch(texts.input_ids[:1], texts.attention_mask[:1])
        assert close(session.logits(whole.input_ids), torch_output(checkpoint, whole, "logits"))
    session.close()


@pytest.mark.parametrize("options", [None, {"bits": 8}, {"bits": 4, "symmetric": False, "head": 8}])
def test_minilm(options: dict[str, Any] | None, minilm: Path, tmp_path: Path) -> None:
    checkpoint = minilm if options is None else quantized(minilm, tmp_path, **options)
    session = open_session(build(checkpoint, tmp_path, accuracy="exact"), threads=1)
    texts = batch(pad=0)
    real = texts.attention_mask.astype(bool)
    assert close(session.hidden(texts)[real], torch_output(checkpoint, texts, "last_hidden_state")[real])
    session.close()


def test_automatic_level_and_example(minilm: Path, tmp_path: Path) -> None:
    folder = build(quantized(minilm, tmp_path, bits=8, head=8), tmp_path)
    artefact = read_artefact(folder)
    assert artefact is not None
    assert artefact.facts["cosine"] > 0.999
    blocker = "import sys\nfor n in ('torch', 'transformers', 'onnx', 'engine'): sys.modules[n] = None\n"
    texts = ["A cat sat on the mat.", "A kitten is on the rug.", "Interest rates rose again."]
    program = f"{blocker}sys.path.insert(0, '.')\nimport encode\nv = encode.main({texts!r})\nprint(*(v @ v.T)[0])"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    same, near, far = map(float, done.stdout.split())
    assert same == pytest.approx(1, abs=1e-5)
    assert near > far + 0.3
