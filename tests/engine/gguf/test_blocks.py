"""Integers in ggml's blocks are the grid's own."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from engine.checkpoint.info import GridScheme
from engine.gguf.blocks import blocks_of, scales_fit
from engine.gguf.kinds import kind_for
from engine.grid.grid import Grid, dequantise


def grid(bits: int, group: int | None, symmetric: bool, significant: int) -> Grid:
    """Every integer that `bits` hold, with scales of `significant` bits."""
    rows, columns = 6, 128
    made = torch.Generator().manual_seed(0)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1)
    values = torch.randint(low, high, (rows, columns), generator=made).to(torch.int8)
    values[0, : high - low] = torch.arange(low, high)[:columns].to(torch.int8)
    groups = columns // (group or columns)
    mantissa = torch.randint(2 ** (significant - 1), 2**significant, (rows, groups), generator=made)
    scale = mantissa.float() * 2.0 ** -(significant + 6)
    zero = None if symmetric else torch.randint(low, high, (rows, groups), generator=made).to(torch.int8)
    return Grid(values, scale, zero, bits, group)


@pytest.mark.parametrize(
    ("bits", "group", "symmetric", "significant", "kind"),
    [
        (8, 32, True, 11, "Q8_0"),
        (8, 128, True, 11, "Q8_0"),
        (8, None, True, 11, "Q8_0"),
        (6, 32, False, 11, "Q8_0"),
        (4, 32, True, 11, "Q4_0"),
        (4, 64, True, 11, "Q4_0"),
        (4, 32, False, 7, "Q4_1"),
        (4, None, False, 7, "Q4_1"),
        (3, 32, False, 7, "Q4_1"),
    ],
)
def test_a_grid_reads_back_to_the_bit(
    bits: int, group: int | None, symmetric: bool, significant: int, kind: str
) -> None:
    made = grid(bits, group, symmetric, significant)
    chosen = kind_for(GridScheme(bits=bits, group_size=group, symmetric=symmetric, modules=()), 128)
    assert chosen == kind
    assert chosen is not None
    found = gguf.dequantize(blocks_of(made, chosen), gguf.GGMLQuantizationType[kind])
    np.testing.assert_array_equal(found, dequantise(made).numpy())


def test_offsets_of_finer_scales_are_rounded_to_half_precision() -> None:
    made = grid(4, 32, False, 11)
    found = gguf.dequantize(blocks_of(made, "Q4_1"), gguf.GGMLQuantizationType.Q4_1)
    expected = dequantise(made).numpy()
    wrong = np.abs(found - expected)
    assert 0 < wrong.max() <= np.abs(made.scale.numpy()).max() * 15 * 2.0**-11


@pytest.mark.parametrize(("bits", "group", "symmetric"), [(8, 32, False), (8, 16, True), (4, 48, True)])
def test_what_no_block_holds_is_left_to_floats(bits: int, group: int, symmetric: bool) -> None:
    scheme = GridScheme(bits=bits, group_size=group, symmetric=symmetric, modules=())
    assert kind_for(scheme, 96) is None


def test_scales_that_half_precision_would_lose_are_found() -> None:
    assert scales_fit(torch.tensor([[1e-4, 60000.0]]))
    assert scales_fit(torch.tensor([[1e-4, 1e-38]]))  # a group of zeros
    assert not scales_fit(torch.tensor([[1e-5, 1e-6]]))
    assert not scales_fit(torch.tensor([[1e-4, 70000.0]]))
