"""Encoders on ONNX Runtime compute what the torch model does, padding included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.checkpoint.load import load_model
from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session, read_artefact
from tests.helpers.checkpoints import tokenizer
from tests.helpers.onnx_runtime import build, quantized

HEADS = {
    "text-classification": "ForSequenceClassification",
    "fill-mask": "ForMaskedLM",
    "feature-extraction": "Model",
}


def _model(kind: str, task: str, folder: Path) -> Path:
    """A random small encoder of model type `kind` for `task`."""
    import transformers

    torch.manual_seed(3)
    common: dict[str, Any] = {"vocab_size": 300, "max_position_embeddings": 80, "num_labels": 3, "pad_token_id": 1}
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    if kind == "DistilBert":
        sizes = {"dim": 64, "hidden_dim": 128, "n_layers": 2, "n_heads": 4}
    if kind == "Roberta":
        common |= {"type_vocab_size": 1, "bos_token_id": 0, "eos_token_id": 2}
    config = getattr(transformers, f"{kind}Config")(**common, **sizes)
    model = getattr(transformers, kind + HEADS[task])(config)
    for parameter in model.parameters():  # biases and norms start at 0 and 1, which would hide mistakes
        torch.nn.init.normal_(parameter, 0.05 if parameter.dim() > 1 else 0.5, 0.2)
    model.save_pretrained(folder)
    tokenizer(folder, 300)
    return folder


def _batch(pad: int) -> TextBatch:
    ids = np.random.default_rng(0).integers(5, 280, (3, 20))
    mask = np.ones_like(ids)
    for row, length in enumerate((20, 7, 1)):
        ids[row, length:], mask[row, length:] = pad, 0
    return TextBatch(ids, mask)


def _torch(checkpoint: Path, batch: TextBatch, field: str, base: bool = False) -> np.ndarray:
    model = load_model(checkpoint, dtype=torch.float32)
    model = model.base_model if base else model
    with torch.inference_mode():
        ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
        return getattr(model(input_ids=ids, attention_mask=mask), field).numpy()


def _close(found: np.ndarray, expected: np.ndarray) -> bool:
    return bool(np.abs(found - expected).max() < 1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("kind", ["Bert", "DistilBert", "Roberta"])
@pytest.mark.parametrize("task", HEADS)
def test_every_head(kind: str, task: str, tmp_path: Path) -> None:
    source = _model(kind, task, tmp_path / "source")
    checkpoint = quantized(source, tmp_path, bits=8, group_size=32, head=8)
    session = open_session(build(checkpoint, tmp_path, accuracy="exact"), threads=1)
    batch = _batch(pad=1)
    real = batch.attention_mask.astype(bool)
    hidden = _torch(checkpoint, batch, "last_hidden_state", base=True)
    assert _close(session.hidden(batch)[real], hidden[real])
    if task == "text-classification":
        assert _close(session.classify(batch), _torch(checkpoint, batch, "logits"))
    if task == "fill-mask":
        whole = TextBatch(batch.input_ids[:1], batch.attention_mask[:1])
        assert _close(session.logits(whole.input_ids), _torch(checkpoint, whole, "logits"))
    session.close()


@pytest.mark.parametrize("options", [None, {"bits": 8}, {"bits": 4, "symmetric": False, "head": 8}])
def test_minilm(options: dict[str, Any] | None, minilm: Path, tmp_path: Path) -> None:
    checkpoint = minilm if options is None else quantized(minilm, tmp_path, **options)
    session = open_session(build(checkpoint, tmp_path, accuracy="exact"), threads=1)
    batch = _batch(pad=0)
    real = batch.attention_mask.astype(bool)
    assert _close(session.hidden(batch)[real], _torch(checkpoint, batch, "last_hidden_state")[real])
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
