"""Keys of the stage cache: two stages have the same key exactly when they would be the same bytes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from functools import cache
from pathlib import Path
from typing import Any

from engine import hardware, intel, paths
from engine.parallel import placement
from engine.passes.base import PassSpec
from engine.recipe.options import Options, fields_of
from engine.recipe.recipe import Target
from engine.runtimes.base import RuntimeSpec

FORMAT = 1  # raise it when the layout of a cached stage changes


def pass_key(previous: str, spec: PassSpec, options: Options, *, device: str, threads: int) -> str:
    """The key of one pass after `previous` (a key, or the checkpoint's fingerprint for the first).

    Thread count, library versions and kind of CPU belong to it: factorisations differ between them in the last bits.
    """
    return _digest(
        {
            "format": FORMAT,
            "after": previous,
            "pass": spec.name,
            "version": spec.version,
            "options": options.model_dump(mode="json"),
            "texts": _texts(spec, options),
            "machine": _machine(device, threads),
        }
    )


def build_key(previous: str, spec: RuntimeSpec, options: Options, target: Target, *, threads: int) -> str:
    """The key of the model that runtime `spec` builds from the checkpoint with key (or fingerprint) `previous`."""
    return _digest(
        {
            "format": FORMAT,
            "after": previous,
            "runtime": spec.name,
            "version": spec.version,
            "library": spec.availability().version,
            "options": options.model_dump(mode="json"),
            "target": target.model_dump(mode="json", exclude={"options", "runtime"}),
            "machine": _machine(target.device, threads),
        }
    )


def _texts(spec: PassSpec, options: Options) -> dict[str, str]:
    """Digests of the texts that shape the result: files named in the options, the built-in calibration text."""
    found = {}
    for field in fields_of(type(options)):
        value = getattr(options, field.name)
        if field.kind == "file" and value:
            found[field.name] = _file_digest(Path(str(value)))
    builtin = paths.resources() / "calibration.txt"
    if "calibration" in spec.needs and builtin.is_file():
        found["built-in"] = _file_digest(builtin)
    return found


def _file_digest(path: Path) -> str:
    try:
        with path.expanduser().open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "absent"  # the pass itself says so, in better words


@cache
def _machine(device: str, threads: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "device": device,
        "threads": threads,
        "torch": importlib.metadata.version("torch"),
        "transformers": importlib.metadata.version("transformers"),
        "cpu": hardware.cpu_kind(),
        "gpus": [gpu.name for gpu in placement.gpus()] if device == "cuda" else [],
    }
    if device in intel.PLUGINS:
        found["intel"] = [name for kind, name in intel.usable().items() if kind == device]
    return found


def _digest(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
