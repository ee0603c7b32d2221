"""Grids as config.json describes them: which modules, how many bits, which groups. Free of torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from engine.checkpoint.info import GridScheme
from engine.checkpoint.safety import TEXT_TO_TEXT

# Scales and more of embeddings and heads that are stored dense on their grid, see engine.grid.
SIDE_FILE = "hasten-grid.safetensors"


def grids_of(config: dict[str, Any], names: Iterable[str]) -> tuple[GridScheme, ...]:
    """The grids of a checkpoint with configuration `config` and tensors `names`.

    Other formats than compressed-tensors' integer pack-quantized answer nothing for the packed part.
    """
    return (*packed_grids(config, names), *embedding_grid(config))


def packed_grids(config: dict[str, Any], names: Iterable[str]) -> tuple[GridScheme, ...]:
    """The grids of packed linear layers, one for each config group that has modules."""
    stored = config.get("quantization_config") or {}
    if stored.get("quant_method") != "compressed-tensors" or stored.get("format") != "pack-quantized":
        return ()
    packed = [name.removesuffix(".weight_packed") for name in names if name.endswith(".weight_packed")]
    found = []
    for group in (stored.get("config_groups") or {}).values():
        weights = group.get("weights") or {}
        if weights.get("type", "int") != "int":
            continue
        modules = tuple(sorted(module for module in packed if _targeted(module, group.get("targets") or ())))
        packed = [module for module in packed if module not in set(modules)]
        if modules:
            size = weights.get("group_size") if weights.get("strategy") != "channel" else None
            found.append(
                GridScheme(
                    bits=int(weights["num_bits"]),
                    group_size=None if size in (None, -1) else int(size),
                    symmetric=bool(weights.get("symmetric", True)),
                    float_offset=bool(weights.get("float_offset", False)),
                    modules=modules,
                )
            )
    return tuple(found)


def embedding_grid(config: dict[str, Any]) -> tuple[GridScheme, ...]:
    """The grid of embedding and head, if they lie on one."""
    stored = (config.get("hasten") or {}).get("embedding_grid")
    if not stored:
        return ()
    return (
        GridScheme(
            bits=stored["bits"],
            group_size=stored["group_size"],
            symmetric=not stored.get("float_offset", False),
            float_offset=stored.get("float_offset", False),
            modules=tuple(sorted(stored["modules"])),
        ),
    )


def quantization_config(schemes: Sequence[GridScheme], model_type: str = "") -> dict[str, Any]:
    """compressed-tensors' configuration for packed `schemes` of a model of `model_type`.

    One scheme alone says `dequantize` where plain Transformers cannot do without: asymmetric ones, whose zero points
    compressed-tensors 0.18–0.20 cannot load otherwise, and encoder-decoders, whose encoder `generate` calls by itself
    before the call of the whole model that would unpack it.
    """
    groups: dict[str, dict[str, Any]] = {}
    for index, scheme in enumerate(schemes):
        names = "|".join(re.escape(module) for module in scheme.modules)
        groups[f"group_{index}"] = {
            "targets": [f"re:^({names})$"],
            "weights": {
                "num_bits": scheme.bits,
                "type": "int",
                "symmetric": scheme.symmetric,
                "strategy": "channel" if scheme.group_size is None else "group",
                "group_size": scheme.group_size,
            },
            "input_activations": None,
            "output_activations": None,
        }
        if scheme.float_offset:  # compressed-tensors refuses words that it does not know: it must not ignore offsets
            groups[f"group_{index}"]["weights"]["float_offset"] = True
    config: dict[str, Any] = {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "quantization_status": "compressed",
        "config_groups": groups,
        "ignore": ["lm_head"],
        "kv_cache_scheme": None,
    }
    if len(schemes) == 1 and (not schemes[0].symmetric or model_type in TEXT_TO_TEXT):
        config["dequantize"] = True
    return config


def loads_plain(schemes: Sequence[GridScheme], model_type: str = "") -> bool:
    """Whether plain Transformers reads these packed `schemes` of a model of `model_type`: one alone, or several that
    are symmetric, but for encoder-decoders; never float offsets."""
    if any(scheme.float_offset for scheme in schemes):
        return False
    several = all(scheme.symmetric for scheme in schemes) and model_type not in TEXT_TO_TEXT
    return several or len(schemes) <= 1


def with_grids(config: dict[str, Any], packed: Sequence[GridScheme], head: GridScheme | None) -> dict[str, Any]:
    """`config` saying that these grids are stored (and no others)."""
    changed = {key: value for key, value in config.items() if key != "quantization_config"}
    hasten = {key: value for key, value in (config.get("hasten") or {}).items() if key != "embedding_grid"}
    if head is not None:
        hasten["embedding_grid"] = {"bits": head.bits, "group_size": head.group_size, "modules": list(head.modules)}
        if head.float_offset:
            hasten["embedding_grid"]["float_offset"] = True
    changed.pop("hasten", None)
    if hasten:
        changed["hasten"] = hasten
    if packed:
        changed["quantization_config"] = quantization_config(packed, str(config.get("model_type", "")))
    return changed


def _targeted(module: str, targets: Iterable[str]) -> bool:
    for target in targets:
        if target.startswith("re:"):
            if re.match(target.removeprefix("re:"), module):
                return True
        elif target in ("Linear", module):
            return True
    return False
