"""Checkpoints in which known units do nothing, so that taking them away must change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from engine.passes.narrow.cuts import Cut, Slices


def silence(folder: Path, cuts: Sequence[Cut], seed: int = 0) -> None:
    """Let nobody read as many random units of each cut as are to go: others in each."""
    random = torch.Generator().manual_seed(seed)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for cut in cuts:
        units = torch.randperm(cut.units, generator=random)[: cut.units - cut.kept].tolist()
        weight = tensors[cut.reader]
        weight.index_fill_(cut.tensors[cut.reader].axis, torch.tensor(Slices(0, ((0, cut.size),)).rows(units)), 0)
    save_file(tensors, path, metadata={"format": "pt"})
