"""Sample windows of tokens from calibration text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.calibration.options import CalibrationOptions
from engine.calibration.texts import read_text
from engine.checkpoint.info import CheckpointInfo
from engine.protocol.errors import UserError
from engine.text.tokenizer import load_tokenizer


def sample(folder: Path, info: CheckpointInfo, options: CalibrationOptions) -> Tensor:
    """Token ids int64 [samples, T]: windows of the text at random places, the same for the same seed.

    T is the option's length, no more than the model's context nor than the text. Special tokens that the tokenizer
    puts around a text stand at the ends of each window. Raises UserError if the text is too short.
    """
    tokenizer = load_tokenizer(folder)
    ids = tokenizer(read_text(options.text), add_special_tokens=False, verbose=False)["input_ids"]
    before, after = _specials(tokenizer)
    room = min(options.tokens, info.context_length or options.tokens)
    # A learned position table may count from an offset (RoBERTa): its first rows are not positions.
    if info.config.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
        room = min(room, (info.context_length or room) - 2)
    inner = min(room - len(before) - len(after), len(ids))
    if inner < 4:
        raise UserError(
            "The calibration text is too short.", "Choose a text of at least a few hundred words.", where=options.text
        )
    random = np.random.Generator(np.random.PCG64(options.seed))
    starts = random.integers(0, len(ids) - inner + 1, size=options.samples)
    rows = [[*before, *ids[start : start + inner], *after] for start in starts]
    return torch.tensor(rows, dtype=torch.int64)


def _specials(tokenizer: object) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer puts before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    full = tokenizer("a")["input_ids"]  # type: ignore[operator]
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return full[:start], full[start + len(bare) :]
    return [], []
