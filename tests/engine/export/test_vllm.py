"""Packed exports meet what vLLM's reader asks for, or it is said that they do not; vLLM itself is not needed.

The conditions are those of vLLM's CompressedTensorsConfig (get_scheme, should_ignore_layer, find_matched_target),
CompressedTensorsWNA16.create_weights, MarlinLinearKernel.can_implement and of its weight loader, which opens the files
that an index names, or else every safetensors file, and takes no tensor that it has no parameter for.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModelForCausalLM

from engine.jobs.export import handle as export
from engine.protocol.events import Event, Log
from engine.protocol.job import ExportJob
from engine.recipe.recipe import PassEntry, Recipe, Target
from tests.engine.export.test_export import context, run_on

MERGED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}
KERNEL_TYPES = {(4, True), (4, False), (8, True)}  # bits and symmetry of Marlin's integer types
KERNEL_GROUPS = {-1, 32, 64, 128}

LOADED: dict[str, list[dict[str, Any]]] = {
    "int8/32 with head": [{"bits": 8, "head": 8}],
    "int4/64": [{"bits": 4, "group_size": 64}],
    "int4/128 asymmetric": [{"bits": 4, "group_size": 128, "symmetric": False}],
    "int8 per row": [{"bits": 8, "group_size": "row"}],
    "some layers stay plain": [{"bits": 8, "exclude": ["*.down_proj", "*.1.self_attn.*"]}],
    "attention 8, rest 4 bits": [{"include": ["*.self_attn.*"]}, {"bits": 4, "exclude": ["*.self_attn.*"]}],
}
TOLD: dict[str, tuple[list[dict[str, Any]], str]] = {
    "int4/16": ([{"bits": 4, "group_size": 16}], "not 16"),
    "int8 asymmetric": ([{"bits": 8, "symmetric": False}], "asymmetric 8-bit"),
    "two grids in what is computed as one": ([{"include": ["*.k_proj"]}, {"bits": 4}], "q_proj, k_proj, v_proj as one"),
    "half of what is computed as one": ([{"exclude": ["*.up_proj"]}], "gate_proj, up_proj as one"),
}


def exported(checkpoint: Path, passes: list[dict[str, Any]], out: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Export `checkpoint` after quantize `passes`; what was said. That it reads back is another test's."""
    monkeypatch.setattr("engine.export.checkpoint.verify_checkpoint", lambda *given: None)
    entries = tuple(PassEntry(**{"pass": "quantize", "options": options}) for options in passes)
    told: list[Event] = []
    made = run_on(checkpoint, Recipe(passes=entries, target=Target(threads=1)))
    export(ExportJob(run=made, format="checkpoint", out=str(out)), context(told))
    return [event.text for event in told if isinstance(event, Log)]


def objection(folder: Path) -> str:
    """What vLLM's reader has against the checkpoint in `folder`; empty for nothing."""
    config = json.loads((folder / "config.json").read_text())
    stored = config.pop("quantization_config")
    if (stored["quant_method"], stored["format"]) != ("compressed-tensors", "pack-quantized"):
        return "format"
    tensors = loaded(folder)
    model = _empty(config)
    linear = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    expected = {name for name, _ in model.named_parameters() if name.removesuffix(".weight") not in linear}
    for name in linear:
        stem, _, leaf = name.rpartition(".")
        merged = next((parts for parts in MERGED.values() if leaf in parts), (leaf,))
        parts = [f"{stem}.{part}" if stem else part for part in merged]
        if name == "lm_head" or len(ignored := [part for part in parts if _matches(part, stored["ignore"])]) == len(
            parts
        ):
            expected.add(f"{name}.weight")
            continue
        if ignored:
            return f"{parts} are partly ignored"
        found = {_group(part, stored["config_groups"]) for part in parts}
        if None in found:
            return f"unable to find a matching target for one of {parts}"
        if len(found) > 1:
            return f"{parts} have different schemes"
        group = stored["config_groups"][found.pop()]
        if why := _unfit(group, name, [linear[part] for part in parts], linear[name], tensors):
            return why
        leaves = ("weight_packed", "weight_scale", "weight_shape")
        expected |= {
            f"{name}.{leaf}" for leaf in (*leaves, *(() if group["weights"]["symmetric"] else ("weight_zero_point",)))
        }
    unknown = set(tensors) - expected
    missing = expected - set(tensors) - {"lm_head.weight"}  # tied
    return f"unknown {sorted(unknown)[:3]}, missing {sorted(missing)[:3]}" if unknown or missing else ""


def loaded(folder: Path) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Types and shapes of the tensors that the loader goes through."""
    index = folder / "model.safetensors.index.json"
    files = {path.name for path in folder.glob("*.safetensors")}
    if index.is_file():
        files &= set(json.loads(index.read_text())["weight_map"].values())
    found = {}
    for name in files:
        with safe_open(folder / name, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118
                tensor = file.get_tensor(key)
                found[key] = (tensor.dtype, tuple(tensor.shape))
    return found


def _empty(config: dict[str, Any]) -> Any:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))


def _matches(name: str, targets: list[str]) -> bool:
    return any(re.match(t[3:], name) is not None if t.startswith("re:") else t in (name, "Linear") for t in targets)


def _group(name: str, groups: dict[str, Any]) -> str | None:
    return next((key for key, group in groups.items() if _matches(name, group["targets"])), None)


def _unfit(group: dict[str, Any], name: str, merged: list[Any], module: Any, tensors: dict[str, Any]) -> str:
    """What speaks against the scheme `group` for layer `name`, computed together with `merged`."""
    weights = group["weights"]
    if group["input_activations"] is not None or weights["type"] != "int" or weights.get("dynamic"):
        return "not weights alone"
    if weights["strategy"] not in ("group", "channel") or (weights["group_size"] is None) != (
        weights["strategy"] == "channel"
    ):
        return "strategy"
    bits, size = weights["num_bits"], weights["group_size"] or -1
    if (bits, weights["symmetric"]) not in KERNEL_TYPES or size not in KERNEL_GROUPS:
        return f"no kernel for {weights}"
    rows, columns = module.out_features, module.in_features
    if sum(part.out_features for part in merged) % 64 or columns % 128 or (size != -1 and columns % size):
        return f"no kernel for {name} of {rows} × {columns}"
    groups = 1 if size == -1 else columns // size
    shapes = {"weight_packed": (rows, columns * bits // 32), "weight_scale": (rows, groups), "weight_shape": (2,)}
    if not weights["symmetric"]:
        shapes["weight_zero_point"] = (rows * bits // 32, groups)
    for leaf, shape in shapes.items():
        dtype, found = tensors[f"{name}.{leaf}"]
        kind = {"weight_scale": dtype.is_floating_point, "weight_shape": dtype == torch.int64}
        if found != shape or not kind.get(leaf, dtype == torch.int32):
            return f"{name}.{leaf} is {dtype} {found}, not {shape}"
    return ""


@pytest.mark.parametrize("kind", LOADED)
def test_what_vllm_loads_meets_its_conditions(
    kind: str, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = exported(tiny_llama, LOADED[kind], tmp_path / "out", monkeypatch)
    assert objection(tmp_path / "out") == ""
    assert not [text for text in said if "vLLM" in text]


@pytest.mark.parametrize("kind", TOLD)
def test_what_vllm_does_not_load_is_said(
    kind: str, tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, words = TOLD[kind]
    said = exported(tiny_llama, passes, tmp_path / "out", monkeypatch)
    assert objection(tmp_path / "out")
    assert any("vLLM" in text and words in text for text in said)


def test_widths_that_no_kernel_has_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers.checkpoints import tiny_llama

    narrow = tiny_llama(tmp_path / "model", hidden=64, layers=1)
    said = exported(narrow, [{"bits": 8}], tmp_path / "out", monkeypatch)
    assert "no kernel for" in objection(tmp_path / "out")
    assert any("vLLM" in text and "multiples of 128" in text for text in said)
