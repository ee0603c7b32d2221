"""What each kind of rounding costs on a real model: perplexity of held-out TinyStories text."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from engine.checkpoint.load import load_model
from engine.text.tokenizer import load_tokenizer
from tests.helpers.passes import run_pass

WINDOW = 256


def held_out(shared: Path, folder: Path) -> torch.Tensor:
    """Of the last tenth of the corpus 48 windows of 256 tokens, each behind a BOS: [48, 256]."""
    corpus = next((shared / "corpora" / "tinystories").glob("*.txt"))
    ids = load_tokenizer(folder)(corpus.read_text(encoding="utf-8"), add_special_tokens=False, verbose=False)[
        "input_ids"
    ]
    tail = ids[len(ids) * 9 // 10 :]
    windows = torch.tensor(tail[: 48 * WINDOW]).reshape(-1, WINDOW)
    # Windows of 256 in all: the model's context; the BOS takes the place of the last token.
    return torch.cat([torch.ones(len(windows), 1, dtype=torch.int64), windows[:, : WINDOW - 1]], dim=1)


@torch.no_grad()
def perplexity(folder: Path, windows: torch.Tensor) -> float:
    """exp of the mean loss over all but each window's first token."""
    model = load_model(folder)
    total = 0.0
    for batch in windows.split(8):
        logits = model(batch).logits[:, :-1].float()
        total += float(cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum"))
    return math.exp(total / (windows.shape[0] * (windows.shape[1] - 1)))


@pytest.mark.slow
def test_perplexity_stays_within_its_bounds(shared: Path, stories15m: Path, tmp_path: Path) -> None:
    windows = held_out(shared, stories15m)
    reference = perplexity(stories15m, windows)
    bounds = {
        "int8/32": ("quantize", {"bits": 8, "group_size": 32}, 0.5),
        "int8/32 with head": ("quantize", {"bits": 8, "group_size": 32, "head": 8}, 0.5),
        "int4/32 asymmetric": ("quantize", {"bits": 4, "group_size": 32, "symmetric": False}, 7.0),
        "int4/32 float offsets": (
            "quantize",
            {"bits": 4, "group_size": 32, "symmetric": False, "offsets": "float"},
            7.0,
        ),
        "bf16": ("mixed_precision", {"dtype": "bfloat16"}, 0.5),
    }
    losses = {}
    for number, (kind, (name, options, _)) in enumerate(bounds.items()):
        run_pass(name, stories15m, tmp_path / str(number), **options)  # type: ignore[arg-type]
        losses[kind] = (perplexity(tmp_path / str(number), windows) / reference - 1) * 100
    print({kind: f"{loss:+.3f} %" for kind, loss in losses.items()}, f"reference {reference:.4f}")
    assert 3 < reference < 6
    assert {kind: loss for kind, loss in losses.items() if loss >= bounds[kind][2]} == {}
