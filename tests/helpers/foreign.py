"""Checkpoints quantised as other tools do it, built from known integers by each format's public definition."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

Tensors = dict[str, Tensor]
# module's shape -> (its tensors by leaf, the float weight [O, I] that they stand for)
Make = Callable[[int, int], tuple[Tensors, Tensor]]


def write(checkpoint: Path, folder: Path, config: dict[str, object], make: Make) -> tuple[Path, Tensors]:
    """Copy `checkpoint`, every linear layer inside its blocks made anew by `make`; answers the true weights too."""
    torch.manual_seed(0)
    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    truth: Tensors = {}
    for name in [name for name in weights if name.endswith("_proj.weight")]:
        rows, columns = weights.pop(name).shape
        tensors, truth[name] = make(rows, columns)
        weights |= {f"{name.removesuffix('.weight')}.{leaf}": tensor for leaf, tensor in tensors.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    document = json.loads((folder / "config.json").read_text()) | {"quantization_config": config}
    (folder / "config.json").write_text(json.dumps(document))
    return folder, truth


def pack_rows(values: Tensor, bits: int) -> Tensor:
    """Unsigned [R, C] -> int32 [R·bits/32, C]: each column is one little-endian bit stream."""
    rows, columns = values.shape
    words = torch.zeros(rows * bits // 32, columns, dtype=torch.int64)
    for row in range(rows):
        for bit in range(bits):
            place = row * bits + bit
            words[place // 32] |= ((values[row].long() >> bit) & 1) << (place % 32)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)


def gptq(bits: int, group: int, *, symmetric: bool, shuffled: bool = False, version: int = 1) -> Make:
    """AutoGPTQ: W[o, i] = (q − z) · s of group g_idx[i]; version 1 stores z − 1."""

    def make(rows: int, columns: int) -> tuple[Tensors, Tensor]:
        groups = columns // group
        values = torch.randint(0, 2**bits, (columns, rows))
        half = torch.full((groups, rows), 2 ** (bits - 1))
        zeros = half if symmetric else torch.randint(1, 2**bits, (groups, rows))
        scales = (torch.rand(groups, rows) * 0.01 + 0.001).half().float()
        index = torch.arange(columns) // group
        if shuffled:
            index = index[torch.randperm(columns)]
        weight = ((values - zeros[index]) * scales[index]).T.contiguous()
        stored = pack_rows((zeros - int(version == 1)).T.contiguous(), bits).T.contiguous()
        return {
            "qweight": pack_rows(values, bits), "qzeros": stored, "scales": scales, "g_idx": index.to(torch.int32),
        }, weight  # fmt: skip

    return make


def awq(group: int) -> Make:
    """AutoAWQ GEMM: eight neighbouring columns lie in a word in the order 0, 2, 4, 6, 1, 3, 5, 7."""

    def pack(values: Tensor) -> Tensor:
        words = torch.zeros(values.shape[0], values.shape[1] // 8, dtype=torch.int64)
        for place, column in enumerate((0, 2, 4, 6, 1, 3, 5, 7)):
            words |= values[:, column::8].long() << (4 * place)
        return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)

    def make(rows: int, columns: int) -> tuple[Tensors, Tensor]:
        values = torch.randint(0, 16, (columns, rows))
        zeros = torch.randint(0, 16, (columns // group, rows))
        scales = torch.rand(columns // group, rows) * 0.01 + 0.001
        index = torch.arange(columns) // group
        weight = ((values - zeros[index]) * scales[index]).T.contiguous()
        return {"qweight": pack(values), "qzeros": pack(zeros), "scales": scales}, weight

    return make


def bnb_int8(rows: int, columns: int) -> tuple[Tensors, Tensor]:
    """LLM.int8: W = weight · SCB / 127."""
    values = torch.randint(-127, 128, (rows, columns)).to(torch.int8)
    maxima = torch.rand(rows) + 0.1
    leaves = {"weight": values, "SCB": maxima, "weight_format": torch.tensor(0, dtype=torch.uint8)}
    return leaves, values.float() * (maxima / 127).unsqueeze(1)


# QLoRA (arXiv:2305.14314), appendix E
NF4 = torch.tensor([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
])  # fmt: skip


def nf4(*, nested: bool) -> Make:
    """bitsandbytes NF4: high nibble first, one maximum a 64 values, the maxima themselves coded when `nested`."""

    def make(rows: int, columns: int) -> tuple[Tensors, Tensor]:
        codes = torch.randint(0, 16, (rows * columns,))
        state: dict[str, object] = {
            "quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [rows, columns],
        }  # fmt: skip
        blocks = rows * columns // 64
        leaves: Tensors = {
            "weight": (codes[::2] << 4 | codes[1::2]).to(torch.uint8).unsqueeze(1), "weight.quant_map": NF4.clone(),
        }  # fmt: skip
        if nested:
            book, inner = torch.linspace(-1, 1, 256), torch.rand(-(-blocks // 256)) + 0.1
            coded = torch.randint(0, 256, (blocks,)).to(torch.uint8)
            maxima = book[coded.long()] * inner[torch.arange(blocks) // 256] + 1.5
            leaves |= {
                "weight.absmax": coded, "weight.nested_absmax": inner, "weight.nested_quant_map": book,
            }  # fmt: skip
            state |= {"nested_blocksize": 256, "nested_offset": 1.5, "nested_dtype": "float32"}
        else:
            maxima = torch.rand(blocks) + 0.1
            leaves["weight.absmax"] = maxima
        text = torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)
        leaves["weight.quant_state.bitsandbytes__nf4"] = text
        weight = (NF4[codes] * maxima.repeat_interleave(64)).reshape(rows, columns)
        return leaves, weight

    return make


def fp8(scaling: str) -> Make:
    """FP8 E4M3 with a scale per tensor, per row, or per 128 × 128 block."""

    def make(rows: int, columns: int) -> tuple[Tensors, Tensor]:
        values = torch.randn(rows, columns).to(torch.float8_e4m3fn)
        if scaling == "block":
            scale = torch.rand(-(-rows // 128), -(-columns // 128)) + 0.1
            spread = scale.repeat_interleave(128, 0).repeat_interleave(128, 1)[:rows, :columns]
            return {"weight": values, "weight_scale_inv": scale}, values.float() * spread
        scale = torch.rand(1 if scaling == "tensor" else (rows, 1)) + 0.1
        weight = values.float() * scale.reshape(-1, 1)
        return {"weight": values, "weight_scale": scale, "input_scale": torch.ones(1)}, weight

    return make


def int8_rows(rows: int, columns: int) -> tuple[Tensors, Tensor]:
    """compressed-tensors int-quantized: a scale per row."""
    values, scale = torch.randint(-128, 128, (rows, columns)).to(torch.int8), torch.rand(rows, 1) * 0.01 + 0.001
    return {"weight": values, "weight_scale": scale}, values.float() * scale
