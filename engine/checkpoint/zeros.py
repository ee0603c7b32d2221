"""Leave the zeros of weights out of a checkpoint, and put them back. The layout: engine.checkpoint.compact. [torch]"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.checkpoint.compact import BITMASK, STORED, compact_config, opened
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.drafts import draft
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.room import require_space

_BITS = {
    torch.float64: torch.int64,
    torch.float32: torch.int32,
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
}
_LEAST = 0.01  # of all bytes: what must be saved at least


def without_zeros(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Bitmask uint8 [⌈N/8⌉] and the stored numbers [S] of floating-point `tensor` with N numbers."""
    there = tensor.contiguous().view(_BITS[tensor.dtype]).flatten() != 0
    mask = torch.from_numpy(np.packbits(there.numpy(), bitorder="little"))
    return mask, tensor.flatten()[there]


def with_zeros(mask: Tensor, stored: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The tensor of `shape` that `without_zeros` made these of, bit by bit. Raises ValueError where they do not fit."""
    count = int(np.prod(shape))
    there = torch.from_numpy(np.unpackbits(mask.numpy(), count=count, bitorder="little")).bool()
    if len(mask) != -(-count // 8) or int(there.sum()) != len(stored):
        raise ValueError("the bitmask does not fit the stored numbers")
    tensor = torch.zeros(count, dtype=stored.dtype)
    tensor[there] = stored
    return tensor.reshape(shape)


def compact(source: Path, destination: Path, context: StepContext) -> tuple[int, int]:
    """Fill `destination` with the checkpoint in `source` without its zeros, and read it back: bytes before and after.

    Raises UserError where that would save next to nothing, RuntimeError if what was written is not the same.
    """
    reader = Reader(source)
    headers = {header.name: header for header in reader.headers()}
    before = sum(header.bytes for header in headers.values())
    shapes: dict[str, tuple[int, ...]] = {}
    after = before
    for index, name in enumerate(headers):
        context.step(index, 3 * len(headers), name)
        tensor = reader.tensor(name)
        if tensor.dtype in _BITS:
            stored = int((tensor.view(_BITS[tensor.dtype]) != 0).sum()) * tensor.element_size()
            size = -(-tensor.numel() // 8) + stored
            if size < tensor.nbytes:
                shapes[name] = tuple(tensor.shape)
                after += size - tensor.nbytes
    if before - after < _LEAST * before:
        raise UserError(
            "Hardly any weight is zero, so leaving zeros out would save nothing.",
            "Choose the format “Checkpoint”, or put “Prune weights” into the recipe.",
            where=str(source),
        )
    writer = Writer(destination, reader)
    changes: dict[str, Transform] = {name: partial(_parts, reader, name) for name in shapes}
    done = iter(range(len(headers), 2 * len(headers)))
    writer.rewrite(changes, lambda name: context.step(next(done), 3 * len(headers), name))
    writer.finish(compact_config(reader.config, shapes))
    copy = Reader(destination)
    for index, name in enumerate(shapes):
        context.step(2 * len(headers) + index, 3 * len(headers), name)
        kind = _BITS[reader.tensor(name).dtype]
        if not torch.equal(_whole(copy, name, shapes[name]).view(kind), reader.tensor(name).view(kind)):
            raise RuntimeError(f"“{name}” was not written as it is")
    return before, after


def restore(source: Path, destination: Path, context: StepContext) -> Path:
    """Write the compact checkpoint in `source` as the plain one `destination` (atomically).

    Raises UserError where it is damaged.
    """
    reader = Reader(source)
    base, headers = opened(reader.config, reader.headers(), str(source))
    require_space(destination.parent, sum(header.bytes for header in headers))
    shapes = {name: tuple(shape) for name, shape in reader.config["shapes"].items()}
    with draft(destination) as made:
        writer = Writer(made, reader)
        for index, header in enumerate(headers):
            context.step(index, len(headers), f"Putting zeros back: {header.name}")
            shape = shapes.get(header.name)
            writer.add(header.name, reader.tensor(header.name) if shape is None else _whole(reader, header.name, shape))
        writer.finish(base)
    return destination


def _parts(reader: Reader, name: str) -> dict[str, Tensor]:
    mask, stored = without_zeros(reader.tensor(name))
    return {name + BITMASK: mask, name + STORED: stored}


def _whole(reader: Reader, name: str, shape: tuple[int, ...]) -> Tensor:
    try:
        return with_zeros(reader.tensor(name + BITMASK), reader.tensor(name + STORED), shape)
    except ValueError as error:
        raise UserError(
            f"The weight “{name}” is damaged: {error}.",
            "Copy the folder again, or export it again.",
            where=str(reader.folder),
            code="corrupt_shard",
        ) from error
