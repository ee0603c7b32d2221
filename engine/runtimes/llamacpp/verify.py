"""What llama.cpp answers, measured against the torch model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine import paths
from engine.runtimes.base import Floats, Ids
from engine.text.tokenizer import load_tokenizer

_TEXT = "evaluation.txt"


@dataclass(frozen=True)
class Window:
    """The tokens that a conversion is checked on, and where they come from, in words."""

    ids: Ids
    source: str


def window(folder: Path, vocabulary: int, most: int) -> Window:
    """The first tokens of the built-in text, [1, T] with T at most `most`."""
    text = (paths.resources() / _TEXT).read_text(encoding="utf-8")
    tokens = load_tokenizer(folder)(text[: 40 * most], truncation=True, max_length=most)["input_ids"]
    return Window(np.array([tokens], dtype=np.int64), f"{len(tokens)} tokens of the built-in text")


def relative_error(found: Floats, expected: Floats) -> float:
    """The largest difference over the largest magnitude; infinite where `found` is not finite."""
    if not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-30))


def divergence(expected: Floats, found: Floats) -> float:
    """The mean Kullback–Leibler divergence of `found` from `expected`, logits [T, V], in nats a token."""
    total = 0.0
    for row, other in zip(expected, found, strict=True):
        p, q = _log_softmax(row), _log_softmax(other)
        total += float(np.sum(np.exp(p) * (p - q)))
    return max(0.0, total / len(expected))


def _log_softmax(row: Floats) -> npt.NDArray[np.float64]:
    shifted = row.astype(np.float64) - float(row.max())
    result: npt.NDArray[np.float64] = shifted - np.log(np.sum(np.exp(shifted)))
    return result
