"""What TensorRT's quantised layers can hold, and the lengths that an engine is made for, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.checkpoint.info import GridScheme

BLOCKS = (128, 64)  # columns that share a scale in 4-bit weights; 8-bit weights have one scale a row
PIECE = 128  # tokens of a prompt that are read at once

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Profile:
    """The shapes that one of an engine's optimisation profiles is for: input name -> (least, usual, most)."""

    shapes: dict[str, tuple[Shape, Shape, Shape]]


def block_size(scheme_bits: int, group: int | None, columns: int) -> int | None:
    """The columns a scale of TensorRT's layer serves that keeps this grid exactly: one of BLOCKS for 4 bits, `columns`
    (one scale a row) for 8 bits. None where neither does."""
    whole = group is None or group == columns
    if scheme_bits <= 4:
        size = columns if whole else group or columns
        found = next((block for block in BLOCKS if size % block == 0), None)
        if found is not None:
            return found
    return columns if whole else None


def refused(scheme: GridScheme) -> str:
    """Why TensorRT cannot hold grids like `scheme`, whatever the width; empty where it can."""
    if not scheme.symmetric:
        return "TensorRT's integers have no zero points"
    if scheme.group_size is None:
        return ""
    if scheme.bits > 4:
        return "TensorRT reads 8-bit weights with one scale a row only"
    if scheme.group_size % BLOCKS[-1]:
        return f"TensorRT reads 4-bit weights in groups of 64 or 128, not {scheme.group_size}"
    return ""


def nearest_group(scheme: GridScheme) -> int | Literal["row"]:
    """The group size nearest to that of `scheme` that TensorRT holds."""
    if scheme.bits > 4 or scheme.group_size is None:
        return "row"
    return scheme.group_size if scheme.group_size % BLOCKS[-1] == 0 else BLOCKS[-1]


def room(context: int) -> int:
    """The positions of an engine for texts of `context` tokens: whole pieces."""
    return -(-context // PIECE) * PIECE


def cache_names(kind: str, layers: int) -> list[str]:
    """What a graph calls its inputs or outputs of `kind` (past, present or cross): keys and values of every layer."""
    return [f"{kind}_{part}_{index}" for index in range(layers) for part in ("keys", "values")]


def decoder_profiles(layers: int, heads: int, width: int, batch: int, longest: int) -> tuple[Profile, Profile]:
    """For pieces of prompts and for single tokens, of up to `batch` texts and `longest` positions (see `room`).

    `heads` and `width` are the cache's own. In each corner of a profile past and new tokens make up the mask's length.
    """

    def corner(rows: int, new: int, past: int) -> dict[str, Shape]:
        found: dict[str, Shape] = {"input_ids": (rows, new), "attention_mask": (rows, past + new)}
        return found | dict.fromkeys(cache_names("past", layers), (rows, heads, past, width))

    return (
        _profile(corner(1, 1, 0), corner(1, PIECE, 0), corner(batch, PIECE, longest - PIECE)),
        _profile(corner(1, 1, 0), corner(1, 1, longest // 2), corner(batch, 1, longest - 1)),
    )


def answer_profiles(
    layers: int, heads: int, width: int, batch: int, prompt: int, longest: int
) -> tuple[Profile, Profile]:
    """For pieces of answers and for single tokens, of up to `longest` positions (see `room`), to up to `batch` prompts
    of `prompt` tokens. `heads` and `width` are the cache's own."""

    def corner(rows: int, read: int, new: int, past: int) -> dict[str, Shape]:
        found: dict[str, Shape] = {"input_ids": (rows, new), "attention_mask": (rows, read)}
        found |= dict.fromkeys(cache_names("cross", layers), (rows, heads, read, width))
        return found | dict.fromkeys(cache_names("past", layers), (rows, heads, past, width))

    least, usual = corner(1, 1, 1, 0), min(PIECE, prompt)
    return (
        _profile(least, corner(1, usual, 8, 0), corner(batch, prompt, PIECE, longest - PIECE)),
        _profile(least, corner(1, usual, 1, longest // 2), corner(batch, prompt, 1, longest - 1)),
    )


def encoder_profile(batch: int, longest: int) -> Profile:
    """For up to `batch` texts of up to `longest` tokens."""
    shapes = ((1, 1), (1, min(PIECE, longest)), (batch, longest))
    return Profile(dict.fromkeys(("input_ids", "attention_mask"), shapes))


def _profile(least: dict[str, Shape], usual: dict[str, Shape], most: dict[str, Shape]) -> Profile:
    return Profile({name: (least[name], usual[name], most[name]) for name in least})
