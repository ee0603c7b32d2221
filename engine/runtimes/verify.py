"""Compare a built model with the dequantised torch model that it came from, on the built-in text.

The torch model is asked first, and gone when the graph is built and opened: both together would not fit where one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import paths
from engine.protocol.errors import UserError
from engine.runtimes.base import Floats, Ids, TextBatch
from engine.runtimes.limits import context_length

# Floating-point kernels order their sums differently; what lies on the same weights stays within this.
TOLERANCE = 1e-3
TOLERANCE_HALF = 3e-2  # the same with sums in float16, on CUDA
_TEXT = "evaluation.txt"


@dataclass(frozen=True)
class Window:
    """The tokens that a conversion is checked on, and where they come from, in words."""

    ids: Ids
    source: str


@dataclass(frozen=True)
class Asked:
    """A window, and the torch model's logits for it: [T, V]."""

    window: Window
    expected: Floats

    def first(self, count: int) -> Asked:
        """The same of the first `count` tokens."""
        return Asked(Window(self.window.ids[:, :count], self.window.source), self.expected[:count])


@dataclass(frozen=True)
class AskedEncoder:
    """Two texts, one of them padded, and the torch model's hidden states at the N places that are not: [N, H]."""

    batch: TextBatch
    expected: Floats
    source: str

    def real(self, states: Floats) -> Floats:
        """`states` [2, T, H] at the places that are not padded, [N, H]."""
        found: Floats = states[self.batch.attention_mask.astype(bool)]
        return found


def ask(folder: Path, twin: Any, most: int = 256) -> Asked:
    """The window of checkpoint `folder`, and what Transformers decoder `twin` makes of it."""
    asked = window(folder, twin.config.vocab_size, most)
    return Asked(asked, twin_outputs(twin, {"input_ids": asked.ids}, "logits")[0])


def ask_encoder(folder: Path, twin: Any) -> AskedEncoder:
    """A window and its first half, and what Transformers encoder `twin` makes of them."""
    asked = window(folder, twin.config.vocab_size, 128)
    half = max(1, asked.ids.shape[1] // 2)
    ids = np.repeat(asked.ids, 2, axis=0)
    mask = np.ones_like(ids)
    ids[1, half:] = twin.config.pad_token_id or 0
    mask[1, half:] = 0
    states = twin_outputs(twin.base_model, {"input_ids": ids, "attention_mask": mask}, "last_hidden_state")
    return AskedEncoder(TextBatch(ids, mask), states[mask.astype(bool)], asked.source)


def window(folder: Path, vocabulary: int, most: int = 256) -> Window:
    """The first tokens of the built-in text, [1, T] with T at most `most`; seeded ones without a tokenizer."""
    from engine.text.tokenizer import load_tokenizer

    length = min(most, context_length(folder))
    try:
        tokenizer = load_tokenizer(folder)
    except UserError:
        ids = np.random.default_rng(0).integers(0, vocabulary, (1, length))
        return Window(ids, f"{length} random tokens")
    text = (paths.resources() / _TEXT).read_text(encoding="utf-8")
    tokens = tokenizer(text[: 40 * length], truncation=True, max_length=length)["input_ids"]
    return Window(np.array([tokens], dtype=np.int64), f"{len(tokens)} tokens of the built-in text")


def relative_error(found: Floats, expected: Floats) -> float:
    """The largest difference over the largest magnitude; infinite where either is not finite."""
    largest = difference = 0.0
    for row, other in zip(found, expected, strict=True):  # whole arrays of logits would be copied
        if not (np.isfinite(row).all() and np.isfinite(other).all()):
            return float("inf")
        largest = max(largest, float(np.abs(other).max()))
        difference = max(difference, float(np.abs(row - other).max()))
    return difference / max(largest, 1e-30)


def divergence(expected: Floats, found: Floats) -> float:
    """The mean Kullback–Leibler divergence of `found` from `expected`, logits [T, V], in nats a token.

    Infinite where either is not finite.
    """
    total = 0.0
    for row, other in zip(expected, found, strict=True):
        p, q = _log_softmax(row), _log_softmax(other)
        total += float(np.sum(np.exp(p) * (p - q)))
    return max(0.0, total / len(expected)) if np.isfinite(total) else float("inf")  # max(0, nan) would be 0


def cosine(expected: Floats, found: Floats) -> float:
    """The mean cosine of the rows of two arrays [T, H]."""
    a, b = expected.astype(np.float64), found.astype(np.float64)
    return float(np.mean(np.sum(a * b, -1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1) + 1e-30)))


def require_equal(found: Floats, expected: Floats, tolerance: float) -> float:
    """The relative error. Raises UserError where it is over `tolerance`: the conversion is then wrong, not inexact."""
    error = relative_error(found, expected)
    if not error <= tolerance:
        raise UserError(
            f"The converted model does not compute what the original does: its outputs differ by {error:.1%}.",
            "Choose another runtime for this model, and report it: the conversion was not kept.",
            code="unsupported_architecture",
        )
    return error


def twin_outputs(twin: Any, inputs: dict[str, Ids], field: str) -> Floats:
    """Output `field` of Transformers model `twin` for `inputs`."""
    import torch

    with torch.inference_mode():
        output = twin(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    array: Floats = getattr(output, field).float().cpu().numpy()
    return array


def _log_softmax(row: Floats) -> npt.NDArray[np.float64]:
    shifted = row.astype(np.float64) - float(row.max())
    result: npt.NDArray[np.float64] = shifted - np.log(np.sum(np.exp(shifted)))
    return result
