"""Checkpoints with one layer's weights damaged on purpose."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

KINDS = ("noise", "zeroed", "shuffled", "scaled")


def damaged(source: Path, folder: Path, layer: int, kind: str, stack: str = "model.layers") -> Path:
    """A copy of the dense checkpoint `source` with every matrix of `layer` damaged in the way of `kind`."""
    shutil.copytree(source, folder)
    tensors = load_file(folder / "model.safetensors")
    random = torch.Generator().manual_seed(layer)
    for name, tensor in tensors.items():
        if not name.startswith(f"{stack}.{layer}.") or tensor.dim() != 2:
            continue
        if kind == "noise":
            tensors[name] = tensor + 0.3 * tensor.std() * torch.randn(tensor.shape, generator=random)
        elif kind == "zeroed":
            tensors[name] = tensor * (torch.rand(tensor.shape, generator=random) > 0.2)
        elif kind == "shuffled":
            rows = torch.arange(len(tensor))
            rows[:8] = torch.randperm(8, generator=random)
            tensors[name] = tensor[rows]
        else:
            tensors[name] = tensor * 1.3
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
