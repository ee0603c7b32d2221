"""Quantisation formats of other tools, as config.json describes them. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["gptq", "awq", "bnb-int8", "bnb-4bit", "fp8", "compressed-tensors"]

_AUXILIARY = {
    "qzeros",
    "scales",
    "g_idx",
    "SCB",
    "weight_format",
    "weight_scale_inv",
    "input_scale",
    "activation_scale",
}


@dataclass(frozen=True)
class Foreign:
    """A quantised checkpoint's format and its parameters.

    Attributes:
        kind: the format.
        bits: bits per weight.
        group_size: columns per scale; None for a whole row or tensor.
        symmetric: no zero points.
        title: as people call it.
        details: the quantization_config.
    """

    kind: Kind
    bits: int
    group_size: int | None
    symmetric: bool
    title: str
    details: dict[str, Any]


def foreign(config: dict[str, Any]) -> Foreign | None:
    """The foreign format that `config` (config.json) declares, or None.

    None too for Hasten's own layout (integer pack-quantized compressed-tensors) and for formats it does not know.
    """
    stored = config.get("quantization_config") or {}
    method = str(stored.get("quant_method", ""))
    group = stored.get("group_size") or stored.get("q_group_size")
    group_size = int(group) if group and int(group) > 0 else None
    if method == "gptq":
        bits = int(stored.get("bits", 4))
        return Foreign("gptq", bits, group_size, bool(stored.get("sym", True)), f"GPTQ, {bits} bits", stored)
    if method == "awq":
        bits = int(stored.get("bits") or stored.get("w_bit") or 4)
        return Foreign("awq", bits, group_size, not stored.get("zero_point", True), f"AWQ, {bits} bits", stored)
    if method == "bitsandbytes" or stored.get("load_in_8bit") or stored.get("load_in_4bit"):
        if stored.get("load_in_8bit"):
            return Foreign("bnb-int8", 8, None, True, "bitsandbytes int8", stored)
        kind = stored.get("bnb_4bit_quant_type", "fp4")
        return Foreign("bnb-4bit", 4, 64, True, f"bitsandbytes {kind}", stored)
    if method in ("fp8", "fbgemm_fp8"):
        return Foreign("fp8", 8, None, True, "FP8", stored)
    if method == "compressed-tensors" and stored.get("format") != "pack-quantized":
        return Foreign("compressed-tensors", 8, None, True, f"compressed-tensors, {stored.get('format')}", stored)
    return None


def method(config: dict[str, Any]) -> str | None:
    """The quantisation method that config.json names, known or not; None for a plain checkpoint."""
    stored = config.get("quantization_config")
    return str(stored.get("quant_method") or "unnamed") if stored else None


def describe(config: dict[str, Any]) -> str | None:
    """A sentence about a quantisation by other tools; None for a plain checkpoint or one of Hasten's own."""
    found = foreign(config)
    if found is not None:
        return f"The weights are quantised ({found.title}); they are taken over or unpacked before a run."
    named = method(config)
    if named and named != "compressed-tensors":
        return f"The weights are quantised by “{named}”, which Hasten cannot read."
    return None


def elements(config: dict[str, Any], leaf: str, name: str, dtype: str, stored: int) -> int:
    """How many weights the tensor `name` with last part `leaf` and `stored` elements stands for."""
    found = foreign(config)
    if found is None:
        return 0 if leaf == "weight_g_idx" else stored
    if leaf in _AUXILIARY or ".weight." in name:
        return 0
    if leaf == "qweight":
        return stored * 32 // found.bits
    return stored * 2 if found.kind == "bnb-4bit" and dtype == "U8" else stored
