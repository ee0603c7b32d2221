"""Quantised weights of other tools, by their public definitions, as grids or floats. [torch]

Shapes: O = out features, I = in features, G = groups. A module's tensors come as {leaf: tensor}; the answer is a Grid
where every value is kept exactly, else the float weight [O, I].
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from engine.checkpoint.foreign_config import Foreign
from engine.grid.grid import Grid
from engine.grid.pack import unpack
from engine.protocol.errors import UserError

# AutoAWQ packs eight columns into a word in this order (awq/utils/packing_utils.py).
_AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def unpack_stream(words: Tensor, bits: int) -> Tensor:
    """Unsigned values int32 [R, C·32/bits] in little-endian bit streams int32 [R, C]; C·32 divisible by `bits`."""
    rows = words.shape[0]
    shifts = torch.arange(32, dtype=torch.int32, device=words.device)
    stream = ((words.unsqueeze(-1) >> shifts) & 1).reshape(rows, -1, bits)
    return (stream << shifts[:bits]).sum(-1).to(torch.int32)


def gptq(tensors: dict[str, Tensor], form: Foreign) -> Grid | Tensor:
    """GPTQ (AutoGPTQ/GPTQModel): qweight int32 [I·bits/32, O], qzeros int32 [G, O·bits/32], scales [G, O], g_idx [I].

    W[o, i] = (q − z) · s of group g_idx[i]; version 1 files store z − 1.
    """
    bits = form.bits
    values = unpack_stream(tensors["qweight"].T.contiguous(), bits)
    scales = tensors["scales"].T.contiguous()
    zeros = unpack_stream(tensors["qzeros"], bits).T.contiguous()[: scales.shape[0]]
    if form.details.get("checkpoint_format", "gptq") != "gptq_v2":
        zeros = zeros + 1
    rows, columns, groups = values.shape[0], values.shape[1], scales.shape[1]
    size = -(-columns // groups) if form.group_size is None else form.group_size
    index = tensors.get("g_idx")
    plain = torch.arange(columns) // size
    if index is not None and not torch.equal(index.long(), plain):
        picked = index.long()
        return (values - zeros[:, picked]).to(scales.dtype) * scales[:, picked]
    if columns != groups * size or int(zeros.max()) >= 2**bits:
        return (values - zeros[:, plain]).to(scales.dtype) * scales[:, plain]
    return _grid(values.reshape(rows, columns), zeros, scales, bits)


def awq(tensors: dict[str, Tensor], form: Foreign) -> Grid | Tensor:
    """AWQ GEMM (AutoAWQ): qweight int32 [I, O/8], qzeros int32 [G, O/8], scales [G, O]; W[o, i] = (q − z) · s."""
    if form.bits != 4 or str(form.details.get("version", "gemm")).lower() != "gemm":
        raise unsupported(f"AWQ version {form.details.get('version')} with {form.bits} bits")
    order = torch.tensor(_AWQ_ORDER).argsort()

    def columns(words: Tensor) -> Tensor:
        rows = words.shape[0]
        return unpack_stream(words, 4).reshape(rows, -1, 8)[..., order].reshape(rows, -1)

    scales = tensors["scales"].T.contiguous()
    values = columns(tensors["qweight"]).T.contiguous()
    zeros = columns(tensors["qzeros"]).T.contiguous() if "qzeros" in tensors else torch.full_like(scales, 8).int()
    return _grid(values, zeros, scales, 4)


def bnb_int8(tensors: dict[str, Tensor], form: Foreign) -> Grid | Tensor:
    """bitsandbytes LLM.int8: weight int8 [O, I], SCB [O]; W = weight · SCB / 127 (Dettmers et al. 2022)."""
    scale = (tensors["SCB"].float() / 127).reshape(-1, 1)
    return Grid(tensors["weight"].contiguous(), scale, None, 8, None)


def bnb_4bit(tensors: dict[str, Tensor], form: Foreign) -> Grid | Tensor:
    """bitsandbytes NF4/FP4: weight uint8 [O·I/2, 1], high nibble first, a 16-entry codebook and a maximum per block.

    With double quantisation the maxima are themselves codes (QLoRA, Dettmers et al. 2023, section 3).
    """
    described = next(tensors[leaf] for leaf in tensors if leaf.startswith("weight.quant_state.bitsandbytes__"))
    state: dict[str, Any] = json.loads(bytes(described.tolist()))
    maxima = tensors["weight.absmax"]
    if "weight.nested_absmax" in tensors:
        inner = (
            tensors["weight.nested_absmax"].float().repeat_interleave(int(state["nested_blocksize"]))[: maxima.numel()]
        )
        maxima = tensors["weight.nested_quant_map"].float()[maxima.long()] * inner + float(state["nested_offset"])
    packed = tensors["weight"].flatten().int()
    codes = torch.stack([packed >> 4, packed & 15], dim=-1).flatten()
    shape = [int(extent) for extent in state["shape"]]
    values = tensors["weight.quant_map"].float()[codes.long()][: shape[0] * shape[1]]
    blocks = maxima.float().repeat_interleave(int(state["blocksize"]))[: values.numel()]
    return (values * blocks).reshape(shape).to(getattr(torch, str(state["dtype"]).removeprefix("torch.")))


def fp8(tensors: dict[str, Tensor], form: Foreign) -> Grid | Tensor:
    """FP8 E4M3: weight [O, I] with a scale per tensor, per row, or per block (DeepSeek-V3 weight_scale_inv)."""
    weight = tensors["weight"].float()
    scale = tensors.get("weight_scale_inv", tensors.get("weight_scale"))
    if scale is None:
        raise unsupported("FP8 without scales")
    scale = scale.float()
    if scale.numel() in (1, weight.shape[0]):
        return (weight * scale.reshape(-1, 1)).to(torch.bfloat16)
    block = form.details.get("weight_block_size")
    if block is None or scale.dim() != 2:
        raise unsupported("FP8 with scales of an unknown layout")
    spread = scale.repeat_interleave(int(block[0]), 0).repeat_interleave(int(block[1]), 1)
    return (weight * spread[: weight.shape[0], : weight.shape[1]]).to(torch.bfloat16)


def int8_rows(tensors: dict[str, Tensor], form: Foreign) -> Grid | Tensor:
    """compressed-tensors int-quantized: weight int8 [O, I], weight_scale [O, G] or a single one, zero point alike."""
    weight, scale = tensors["weight"].contiguous(), tensors["weight_scale"]
    scale = scale.reshape(1, 1).expand(weight.shape[0], 1) if scale.numel() == 1 else scale.reshape(weight.shape[0], -1)
    zero = tensors.get("weight_zero_point")
    if zero is not None:
        zero = zero.to(torch.int8).reshape(-1, 1).expand_as(scale) if zero.numel() == 1 else zero.reshape(scale.shape)
        zero = zero.to(torch.int8).contiguous() if bool(zero.any()) else None
    groups = scale.shape[1]
    return Grid(weight, scale.contiguous(), zero, 8, None if groups == 1 else weight.shape[1] // groups)


def scattered(tensors: dict[str, Tensor], form: Foreign) -> Grid | Tensor:
    """compressed-tensors pack-quantized with weight_g_idx [I], the group of every column; signed values and zeros."""
    rows, columns = tensors["weight_shape"].tolist()
    scale, packed = tensors["weight_scale"], tensors["weight_packed"]
    bits = packed.shape[1] * 32 // columns
    values = unpack(packed, bits, (rows, columns))
    zero = tensors.get("weight_zero_point")
    signed = None if zero is None else unpack(zero, bits, (rows, scale.shape[1]), along_rows=True)
    index = tensors.get("weight_g_idx")
    if index is None:
        return Grid(values, scale, signed, bits, None if scale.shape[1] == 1 else columns // scale.shape[1])
    picked = index.long()
    floats = values.to(scale.dtype)
    return (floats if signed is None else floats - signed[:, picked].to(scale.dtype)) * scale[:, picked]


def unsupported(what: str) -> UserError:
    """The error that refuses `what` by name."""
    return UserError(
        f"Hasten cannot read weights quantised as {what}.", "Use the unquantised original of this model.",
        code="unsupported_quantization",
    )  # fmt: skip


def _grid(values: Tensor, zeros: Tensor, scales: Tensor, bits: int) -> Grid:
    """Unsigned `values` [O, I] and `zeros` [O, G] as a signed Grid; 2- and 3-bit values keep theirs on a 4-bit grid."""
    half = 2 ** (bits - 1)
    zero = (zeros - half).to(torch.int8)
    groups = scales.shape[1]
    size = None if groups == 1 else values.shape[1] // groups
    stored = 4 if bits <= 4 else 8
    return Grid((values - half).to(torch.int8), scales, zero if bool(zero.any()) else None, stored, size)
