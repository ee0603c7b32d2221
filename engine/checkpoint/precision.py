"""Modules kept in another float type than the rest, as config.json records them. Free of torch.

A checkpoint of mixed precision stores every tensor in its own type and says in config.json
`"hasten": {"precision": {"default": "bfloat16", "modules": {"model.layers.3.mlp": "float32"}}}`. Its `dtype` is the
widest type present, so that plain Transformers, which knows one type only, loads every value exactly, in that type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# torch's name of a float type -> safetensors' and bits; in order of preference when widening
FLOATS: dict[str, str] = {"float16": "F16", "bfloat16": "BF16", "float32": "F32"}


@dataclass(frozen=True)
class Precision:
    """The float type of most modules, and of those that differ (by full name, children included)."""

    default: str
    modules: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The type of tensor or module `name`: that of the longest listed module it belongs to."""
        best = ""
        for module in self.modules:
            if (name == module or name.startswith(module + ".")) and len(module) > len(best):
                best = module
        return self.modules[best] if best else self.default

    @property
    def widest(self) -> str:
        """The type that holds every value of all types used: float32 as soon as two differ."""
        used = {self.default, *self.modules.values()}
        return self.default if len(used) == 1 else "float32"

    def stored(self, config: dict[str, Any]) -> dict[str, Any]:
        """`config` recording this precision."""
        hasten = {key: value for key, value in (config.get("hasten") or {}).items() if key != "precision"}
        if self.modules:
            hasten["precision"] = {"default": self.default, "modules": dict(sorted(self.modules.items()))}
        changed = {key: value for key, value in config.items() if key not in ("hasten", "torch_dtype")}
        changed["dtype"] = self.widest
        for part in ("text_config", "encoder", "decoder"):
            if isinstance(changed.get(part), dict) and "dtype" in changed[part]:
                changed[part] = {**changed[part], "dtype": self.widest}
        if hasten:
            changed["hasten"] = hasten
        return changed


def precision_of(config: dict[str, Any]) -> Precision:
    """What `config` says: its recorded precision, or one type for all (float32 if it names none)."""
    stored = (config.get("hasten") or {}).get("precision")
    if stored:
        return Precision(stored["default"], dict(stored["modules"]))
    named = config.get("dtype") or config.get("torch_dtype") or (config.get("text_config") or {}).get("dtype")
    named = str(named or "float32").removeprefix("torch.")
    return Precision(named if named in FLOATS else "float32")
