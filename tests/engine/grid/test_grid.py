"""Packing, rounding and what config.json says of grids, over all shapes and bits."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.checkpoint.info import GridScheme
from engine.grid.grid import Grid, dequantise, packed_tensors
from engine.grid.pack import pack, packed_width, unpack
from engine.grid.scheme import embedding_grid, grids_of, loads_plain, quantization_config, with_grids
from engine.passes.quantize.maths import round_to_nearest
from engine.passes.quantize.spec import GridKind

seeds = st.integers(0, 2**31 - 1)
sizes = st.integers(1, 70)


@settings(deadline=None, max_examples=60)
@given(seed=seeds, rows=sizes, columns=sizes, bits=st.sampled_from([2, 3, 4, 8]), along_rows=st.booleans())
def test_packing_loses_nothing(seed: int, rows: int, columns: int, bits: int, along_rows: bool) -> None:
    random = torch.Generator().manual_seed(seed)
    values = torch.randint(-(2 ** (bits - 1)), 2 ** (bits - 1), (rows, columns), generator=random).to(torch.int8)
    packed = pack(values, bits, along_rows=along_rows)
    expected = (packed_width(rows, bits), columns) if along_rows else (rows, packed_width(columns, bits))
    assert tuple(packed.shape) == expected
    assert torch.equal(unpack(packed, bits, (rows, columns), along_rows=along_rows), values)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("along_rows", [False, True])
def test_packing_writes_the_bytes_that_compressed_tensors_does(bits: int, along_rows: bool) -> None:
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32, unpack_from_int32

    for rows, columns in ((9, 3), (17, 64), (33, 45)):
        random = torch.Generator().manual_seed(bits)
        values = torch.randint(-(2 ** (bits - 1)), 2 ** (bits - 1), (rows, columns), generator=random).to(torch.int8)
        along = 0 if along_rows else 1
        theirs = pack_to_int32(values, bits, packed_dim=along)
        assert torch.equal(pack(values, bits, along_rows=along_rows), theirs)
        assert torch.equal(unpack_from_int32(theirs, bits, values.shape, packed_dim=along), values)
        assert torch.equal(unpack(theirs, bits, (rows, columns), along_rows=along_rows), values)


@settings(deadline=None, max_examples=80)
@given(
    seed=seeds, rows=st.integers(1, 20), groups=st.integers(1, 5), size=st.sampled_from([1, 16, 32]),
    kind=st.sampled_from(["symmetric", "asymmetric"]), shift=st.floats(-3, 3),
)  # fmt: skip
def test_rounding_errs_by_half_a_step_at_most(
    seed: int, rows: int, groups: int, size: int, kind: GridKind, shift: float
) -> None:
    weight = torch.randn(rows, groups * size, generator=torch.Generator().manual_seed(seed)) + shift
    grid = round_to_nearest(weight, 8, size, kind)
    assert grid.symmetric is (kind == "symmetric")
    error = (dequantise(grid) - weight).abs().reshape(rows, groups, size)
    # An asymmetric zero point is rounded too: the ends of the range may move by another half step.
    assert torch.all(error <= grid.scale.unsqueeze(-1) * (0.5 if grid.symmetric else 1.0) * (1 + 1e-4) + 1e-30)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, power=st.floats(0.5, 3), shift=st.floats(-3, 3))
def test_weights_that_lie_on_a_grid_with_float_offsets_come_back(seed: int, power: float, shift: float) -> None:
    random = torch.Generator().manual_seed(seed)
    scale = (torch.rand(5, 2, generator=random) ** power / 10 + 1e-3).half().float()
    minimum = ((torch.rand(5, 2, generator=random) - 0.5) * scale * 16 + shift).half().float()
    values = torch.randint(-8, 8, (5, 2, 32), generator=random)
    values[..., 0], values[..., 1] = -8, 7  # as ggml's Q4_1 has them: both ends are reached
    grid = Grid(values.reshape(5, 64).to(torch.int8), scale, None, 4, 32, minimum)
    weight = dequantise(grid)
    found = round_to_nearest(weight, 4, 32, "float_offset")
    assert found.minimum is not None
    assert not found.symmetric
    assert torch.equal(found.values, grid.values)
    assert torch.equal(found.minimum, minimum)
    assert torch.equal(dequantise(found), weight)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, bits=st.sampled_from([4, 8]), dtype=st.sampled_from(["float32", "bfloat16"]), scale=st.floats(-6, 3))
def test_integers_come_back_from_a_dense_weight_and_its_scales(seed: int, bits: int, dtype: str, scale: float) -> None:
    weight = torch.randn(9, 64, generator=torch.Generator().manual_seed(seed)) * 10**scale
    grid = round_to_nearest(weight, bits, 32, "symmetric", torch.float32)
    stored = dequantise(grid).to(getattr(torch, dtype)).float()
    back = (stored.reshape(9, 2, 32) / grid.scale.unsqueeze(-1)).round().to(torch.int8).reshape(9, 64)
    assert torch.equal(back, grid.values)


@settings(deadline=None, max_examples=30)
@given(seed=seeds, kind=st.sampled_from(["symmetric", "asymmetric"]), power=st.floats(0.5, 3))
def test_the_search_at_4_bits_beats_the_whole_range(seed: int, kind: GridKind, power: float) -> None:
    symmetric = kind == "symmetric"
    weight = torch.randn(6, 64, generator=torch.Generator().manual_seed(seed))
    weight = weight.sign() * weight.abs() ** power
    groups = weight.reshape(6, 2, 32)
    most, least = groups.amax(-1, keepdim=True).clamp(min=0), groups.amin(-1, keepdim=True).clamp(max=0)
    if symmetric:
        most = torch.maximum(most, -least)
        least = -most
    scale = (most - least) / 15
    zero = torch.zeros_like(scale) if symmetric else (-8 - least / scale).round().clamp(-8, 7)
    whole = ((groups / scale + zero).round().clamp(-8, 7) - zero) * scale
    found = dequantise(round_to_nearest(weight, 4, 32, kind)).reshape(groups.shape)
    assert torch.all((found - groups).abs().pow(3).sum(-1) <= (whole - groups).abs().pow(3).sum(-1) * 1.0001)


def test_rounding_in_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.passes.quantize import maths

    weight = torch.randn(10, 64)
    whole = round_to_nearest(weight, 4, 32, "asymmetric")
    monkeypatch.setattr(maths, "_CHUNK", 192)
    pieces = round_to_nearest(weight, 4, 32, "asymmetric")
    assert torch.equal(dequantise(whole), dequantise(pieces))


@pytest.mark.parametrize("kind", ["symmetric", "asymmetric"])
def test_zero_stays_zero(kind: GridKind) -> None:
    weight = torch.randn(4, 32)
    weight[:, ::3] = 0
    weight[2] = 0
    assert torch.all(dequantise(round_to_nearest(weight, 4, 16, kind))[weight == 0] == 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_scales_are_stored_in_the_weights_type_before_rounding(dtype: torch.dtype) -> None:
    weight = torch.randn(8, 64).to(dtype)
    grid = round_to_nearest(weight, 8, 32, "symmetric")
    assert grid.scale.dtype is dtype
    steps = (weight.float().reshape(8, 2, 32) / grid.scale.float().unsqueeze(-1)).round().clamp(-128, 127)
    assert torch.equal(steps.reshape(8, 64).to(torch.int8), grid.values)


def test_packed_tensors_are_what_compressed_tensors_stores() -> None:
    values = torch.arange(-8, 8, dtype=torch.int8).repeat(3, 2)
    grid = Grid(values, torch.ones(3, 2), torch.tensor([[1, 2]] * 3, dtype=torch.int8), 4, 16)
    tensors = packed_tensors("m", grid)
    assert {name: (tuple(t.shape), t.dtype) for name, t in tensors.items()} == {
        "m.weight_packed": ((3, 4), torch.int32),
        "m.weight_scale": ((3, 2), torch.float32),
        "m.weight_shape": ((2,), torch.int64),
        "m.weight_zero_point": ((1, 2), torch.int32),
    }
    assert dequantise(grid)[0, 0] == -9


@pytest.mark.parametrize("offsets", [False, True])
def test_configuration_says_the_schemes_and_reads_them_back(offsets: bool) -> None:
    packed = [
        GridScheme(bits=4, group_size=32, symmetric=True, modules=("model.layers.1.up", "model.layers.10.up")),
        GridScheme(bits=8, group_size=None, symmetric=True, modules=("model.layers.1.down",)),
    ]
    head = GridScheme(
        bits=4, group_size=64, symmetric=not offsets, float_offset=offsets, modules=("model.embed_tokens",)
    )
    config = with_grids({"model_type": "llama", "hasten": {"other": 1}}, packed, head)
    names = [f"{module}.weight_packed" for scheme in packed for module in scheme.modules]
    assert grids_of(config, names) == (*packed, head)
    assert config["hasten"]["other"] == 1
    target = config["quantization_config"]["config_groups"]["group_0"]["targets"][0].removeprefix("re:")
    assert not re.match(target, "model.layers.100.up")
    assert config["quantization_config"]["ignore"] == ["lm_head"]
    bare = with_grids(config, [], None)
    assert bare == {"model_type": "llama", "hasten": {"other": 1}}
    assert embedding_grid(bare) == ()


@pytest.mark.parametrize(
    ("symmetries", "plain", "dequantize"),
    [((True,), True, False), ((False,), True, True), ((True, True), True, False), ((True, False), False, False)],
)
def test_what_plain_transformers_can_read(symmetries: tuple[bool, ...], plain: bool, dequantize: bool) -> None:
    schemes = [
        GridScheme(bits=4, group_size=32, symmetric=symmetric, modules=(f"m{index}",))
        for index, symmetric in enumerate(symmetries)
    ]
    assert loads_plain(schemes) is plain
    assert ("dequantize" in quantization_config(schemes)) is dequantize
