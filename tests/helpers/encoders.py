"""Random small encoders of every kind and head, and what torch computes for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.checkpoint.load import load_model
from engine.runtimes.base import TextBatch
from tests.helpers.checkpoints import tokenizer

HEADS = {
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "fill-mask": "ForMaskedLM",
    "feature-extraction": "Model",
}


def model(kind: str, task: str, folder: Path) -> Path:
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
    made = getattr(transformers, kind + HEADS[task])(config)
    for parameter in made.parameters():  # biases and norms start at 0 and 1, which would hide mistakes
        torch.nn.init.normal_(parameter, 0.05 if parameter.dim() > 1 else 0.5, 0.2)
    made.save_pretrained(folder)
    tokenizer(folder, 300)
    return folder


def batch(pad: int) -> TextBatch:
    """Three random texts of 20, 7 and 1 tokens, padded with `pad`."""
    ids = np.random.default_rng(0).integers(5, 280, (3, 20))
    mask = np.ones_like(ids)
    for row, length in enumerate((20, 7, 1)):
        ids[row, length:], mask[row, length:] = pad, 0
    return TextBatch(ids, mask)


def torch_output(checkpoint: Path, texts: TextBatch, field: str, base: bool = False) -> np.ndarray:
    """Output `field` of the torch model in float32, or of its encoder alone (`base`)."""
    whole = load_model(checkpoint, dtype=torch.float32)
    part = whole.base_model if base else whole
    with torch.inference_mode():
        ids, mask = torch.from_numpy(texts.input_ids), torch.from_numpy(texts.attention_mask)
        return getattr(part(input_ids=ids, attention_mask=mask), field).numpy()


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal within 1e-3 of the largest value."""
    return bool(np.abs(found - expected).max() < 1e-3 * np.abs(expected).max())
