"""Checkpoints quantised by other tools: taken over onto the grid where exact, else unpacked, else refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from engine.checkpoint import foreign
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.checkpoint.resolve import resolve
from engine.grid import grid
from engine.protocol.errors import UserError
from tests.helpers import foreign as formats
from tests.helpers.contexts import Heard

GPTQ = {"quant_method": "gptq", "group_size": 32, "desc_act": False}
BNB4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
COMPRESSED = {"quant_method": "compressed-tensors", "config_groups": {}}


@pytest.mark.parametrize(
    ("config", "make", "scheme"),
    [
        (GPTQ | {"bits": 4, "sym": True}, formats.gptq(4, 32, symmetric=True), (4, 32, True)),
        (GPTQ | {"bits": 4, "sym": False}, formats.gptq(4, 32, symmetric=False), (4, 32, False)),
        (GPTQ | {"bits": 8, "sym": False}, formats.gptq(8, 32, symmetric=False), (8, 32, False)),
        (GPTQ | {"bits": 3, "sym": False}, formats.gptq(3, 32, symmetric=False), (4, 32, False)),
        (
            GPTQ | {"bits": 4, "sym": False, "checkpoint_format": "gptq_v2"},
            formats.gptq(4, 32, symmetric=False, version=2),
            (4, 32, False),
        ),
        ({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "gemm"}, formats.awq(64), (4, 64, False)),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, formats.bnb_int8, (8, None, True)),
        (COMPRESSED | {"format": "int-quantized"}, formats.int8_rows, (8, None, True)),
    ],
    ids=["gptq4", "gptq4-asym", "gptq8", "gptq3", "gptq-v2", "awq", "bnb-int8", "int8-rows"],
)
def test_taken_over_onto_the_grid(
    tiny_llama: Path, tmp_path: Path, config: dict[str, object], make: formats.Make, scheme: tuple[int, int, bool]
) -> None:
    source, truth = formats.write(tiny_llama, tmp_path / "foreign", config, make)
    plain = inspect(tiny_llama)
    assert inspect(source).parameters == plain.parameters
    assert any("quantised" in warning for warning in inspect(source).warnings)

    heard = Heard()
    folder = resolve(str(source), heard.context)
    info = inspect(folder)
    assert [(found.bits, found.group_size, found.symmetric) for found in info.grids] == [scheme]
    assert info.parameters == plain.parameters
    assert info.warnings == ()
    assert any("without loss" in notice for notice in heard.notices)
    reader = Reader(folder)
    for name, weight in truth.items():
        torch.testing.assert_close(grid.dense(reader, name, torch.float32), weight, rtol=1e-6, atol=1e-8)
    assert torch.isfinite(load_model(folder)(torch.arange(9).reshape(1, 9)).logits).all()
    assert resolve(str(folder), heard.context) == folder


@pytest.mark.parametrize(
    ("config", "make", "exact"),
    [
        (GPTQ | {"bits": 4, "desc_act": True}, formats.gptq(4, 32, symmetric=False, shuffled=True), True),
        (BNB4, formats.nf4(nested=False), True),
        (BNB4 | {"bnb_4bit_use_double_quant": True}, formats.nf4(nested=True), True),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, formats.fp8("block"), False),
        ({"quant_method": "fbgemm_fp8"}, formats.fp8("row"), False),
        (COMPRESSED | {"format": "float-quantized"}, formats.fp8("tensor"), False),
    ],
    ids=["gptq-act-order", "nf4", "nf4-double", "fp8-block", "fp8-row", "fp8-tensor"],
)
def test_unpacked_with_a_notice(
    tiny_llama: Path, tmp_path: Path, config: dict[str, object], make: formats.Make, exact: bool
) -> None:
    source, truth = formats.write(tiny_llama, tmp_path / "foreign", config, make)
    heard = Heard()
    folder = resolve(str(source), heard.context)
    assert any("unpacked" in notice for notice in heard.notices)
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    assert inspect(folder).grids == ()
    reader = Reader(folder)
    tolerance = 1e-6 if exact else 2**-8  # FP8 is unpacked to bfloat16
    for name, weight in truth.items():
        torch.testing.assert_close(reader.tensor(name).float(), weight, rtol=tolerance, atol=1e-8)
    load_model(folder)


def test_packed_in_activation_order_is_unpacked(tiny_llama: Path, tmp_path: Path) -> None:
    def make(rows: int, columns: int) -> tuple[formats.Tensors, torch.Tensor]:
        values = torch.randint(-8, 8, (rows, columns)).to(torch.int8)
        scale = torch.rand(rows, columns // 32) * 0.01 + 0.001
        index = (torch.arange(columns) // 32)[torch.randperm(columns)]
        packed = grid.packed_tensors("", grid.Grid(values, scale, None, 4, 32))
        leaves = {name.removeprefix("."): tensor for name, tensor in packed.items()}
        return leaves | {"weight_g_idx": index.to(torch.int32)}, values * scale[:, index]

    weights = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 32}
    config = COMPRESSED | {
        "format": "pack-quantized", "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
    }  # fmt: skip
    source, truth = formats.write(tiny_llama, tmp_path / "foreign", config, make)
    reader = Reader(resolve(str(source), Heard().context))
    for name, weight in truth.items():
        torch.testing.assert_close(reader.tensor(name), weight)


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"quant_method": "hqq"}, "hqq"),
        (COMPRESSED | {"format": "nvfp4-pack-quantized"}, "nvfp4"),
        ({"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemv"}, "gemv"),
    ],
)
def test_other_formats_are_refused_by_name(
    tiny_llama: Path, tmp_path: Path, config: dict[str, object], word: str
) -> None:
    source, _ = formats.write(tiny_llama, tmp_path / "foreign", config, formats.awq(32))
    with pytest.raises(UserError) as caught:
        resolve(str(source), Heard().context)
    assert caught.value.code == "unsupported_quantization"
    assert word in caught.value.cause


def test_transposed_layers_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "gpt2"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "gpt2", "quantization_config": GPTQ | {"bits": 4}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError) as caught:
        resolve(str(folder), Heard().context)
    assert "gpt2" in caught.value.cause


def test_bit_stream() -> None:
    values = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 0] * 4])
    words = formats.pack_rows(values.T.contiguous(), 3).T.contiguous()
    assert words.shape == (1, 3)
    assert torch.equal(foreign.unpack_stream(words, 3), values.int())
