"""A checkpoint quantised by another tool becomes one of Hasten's: on its grid where exact, else unpacked. [torch]"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.checkpoint import foreign
from engine.checkpoint.foreign_config import Foreign, method
from engine.checkpoint.foreign_config import foreign as foreign_format
from engine.checkpoint.info import GridScheme
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Writer
from engine.drafts import draft
from engine.grid.grid import Grid, dequantise, packed_tensors
from engine.grid.scheme import packed_grids, with_grids
from engine.passes.base import StepContext
from engine.room import require_space

Unpack = Callable[[dict[str, Tensor], Foreign], Grid | Tensor]

# Format -> (the leaf that marks a quantised module, the other leaves that belong to it, how to read them).
_AUX = ("weight_scale", "weight_scale_inv", "weight_zero_point", "input_scale", "input_zero_point", "activation_scale",
        "input_scale_ub", "weight_shape", "weight_g_idx", "k_scale", "v_scale", "output_scale")  # fmt: skip
_FORMATS: dict[str, tuple[str, tuple[str, ...], Unpack]] = {
    "gptq": ("qweight", ("qzeros", "scales", "g_idx"), foreign.gptq),
    "awq": ("qweight", ("qzeros", "scales"), foreign.awq),
    "bnb-int8": ("SCB", ("weight", "weight_format"), foreign.bnb_int8),
    "bnb-4bit": ("weight.absmax", ("weight",), foreign.bnb_4bit),
    "fp8": ("weight", _AUX, foreign.fp8),
    "float-quantized": ("weight", _AUX, foreign.fp8),
    "int-quantized": ("weight", _AUX, foreign.int8_rows),
}
# Their linear layers are stored transposed (Conv1D), which none of the formats says.
_TRANSPOSED = ("gpt2", "openai-gpt", "imagegpt")


def convert(source: Path, destination: Path, context: StepContext) -> Path:
    """Write `source`'s weights as the checkpoint `destination` (atomically): packed grids, or floats with a notice.

    Raises:
        UserError: code "unsupported_quantization", naming a format that Hasten cannot read.
    """
    reader = Reader(source)
    if reader.config.get("model_type") in _TRANSPOSED:
        raise foreign.unsupported(f"“{method(reader.config)}” in a {reader.config['model_type']} model")
    modules, form, read = _modules(reader)
    require_space(destination.parent, sum(header.bytes for header in reader.headers()) * 4)
    model_dtype = _model_dtype(reader.config)
    schemes: dict[tuple[int, int | None, bool], list[str]] = {}
    floats = 0
    with draft(destination) as made:
        writer = Writer(made, reader)
        owned = {name for leaves in modules.values() for name in leaves.values()}
        for name in reader.names:
            if name not in owned and not name.endswith(_AUX):
                writer.add(name, reader.tensor(name))
        for index, (module, leaves) in enumerate(modules.items()):
            context.step(index, len(modules), f"Reading {module}")
            weight = read({leaf: reader.tensor(name) for leaf, name in leaves.items()}, form)
            if isinstance(weight, Grid) and not _packable(module, weight):
                weight = dequantise(weight)
            if isinstance(weight, Grid):
                key = (weight.bits, weight.group_size, weight.symmetric)
                schemes.setdefault(key, []).append(module)
                for name, tensor in packed_tensors(module, weight).items():
                    writer.add(name, tensor)
            else:
                floats += 1
                writer.add(f"{module}.weight", weight.to(model_dtype))
        packed = [
            GridScheme(bits=bits, group_size=group, symmetric=symmetric, modules=tuple(names))
            for (bits, group, symmetric), names in schemes.items()
        ]
        writer.finish(with_grids(reader.config, packed, None))
    _tell(context, form, sum(len(names) for names in schemes.values()), floats, model_dtype)
    context.step(len(modules), len(modules), "Written")
    return destination


def _modules(reader: Reader) -> tuple[dict[str, dict[str, str]], Foreign, Unpack]:
    """Each quantised module's {leaf: tensor name}, the format, and how to read a module."""
    form = foreign_format(reader.config)
    if form is None:
        return _reordered(reader)
    key = form.details.get("format") if form.kind == "compressed-tensors" else form.kind
    if key == "naive-quantized":
        stored = {reader.header(name).dtype for name in reader.names if name.endswith(".weight")}
        key = "int-quantized" if "I8" in stored else "float-quantized"
    if key not in _FORMATS:
        raise foreign.unsupported(form.title)
    marker, others, read = _FORMATS[str(key)]
    found: dict[str, dict[str, str]] = {}
    for name in reader.names:
        if name.endswith(f".{marker}") and (marker != "weight" or reader.header(name).dtype in ("F8_E4M3", "I8")):
            module = name.removesuffix(f".{marker}")
            leaves = [marker, *(leaf for leaf in others if f"{module}.{leaf}" in reader)]
            if marker == "weight.absmax":
                leaves += [
                    other.removeprefix(f"{module}.") for other in reader.names if other.startswith(f"{module}.weight.")
                ]
            found[module] = {leaf: f"{module}.{leaf}" for leaf in leaves}
    return found, form, read


def _reordered(reader: Reader) -> tuple[dict[str, dict[str, str]], Foreign, Unpack]:
    """Packed compressed-tensors in activation order (weight_g_idx): unpacked, as the grid cannot scatter its groups."""
    modules = [module for scheme in packed_grids(reader.config, reader.names) for module in scheme.modules]
    if not modules:
        raise foreign.unsupported(f"“{method(reader.config)}”")
    leaves = ("weight_packed", "weight_scale", "weight_shape", "weight_zero_point", "weight_g_idx")
    found = {
        module: {leaf: f"{module}.{leaf}" for leaf in leaves if f"{module}.{leaf}" in reader} for module in modules
    }
    form = Foreign("compressed-tensors", 4, None, True, "compressed-tensors in activation order", {})
    return found, form, foreign.scattered


def _packable(module: str, weight: Grid) -> bool:
    columns = weight.values.shape[1]
    return not module.endswith("lm_head") and columns % (weight.group_size or columns) == 0


def _model_dtype(config: dict[str, Any]) -> torch.dtype:
    name = str(config.get("dtype") or config.get("torch_dtype") or "bfloat16").removeprefix("torch.")
    found = getattr(torch, name, torch.bfloat16)
    return found if found in (torch.float32, torch.float16, torch.bfloat16) else torch.bfloat16


def _tell(context: StepContext, form: Foreign, packed: int, floats: int, dtype: torch.dtype) -> None:
    name = str(dtype).removeprefix("torch.")
    if packed:
        context.notice(f"{packed} layers were taken over from {form.title} onto the same integer grid, without loss.")
    if floats:
        context.notice(f"{floats} layers quantised as {form.title} were unpacked to {name}.")
    groups = (form.details.get("config_groups") or {}).values()
    if form.details.get("activation_scheme") or any(group.get("input_activations") for group in groups):
        context.notice("How the other tool quantised activations is not taken over; the weights are.")
