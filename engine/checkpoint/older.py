"""What older readers look for in a config.json: Transformers 5 keeps how positions turn in `rope_parameters` alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_OWN = ("rope_theta", "partial_rotary_factor")  # keys of their own before Transformers 5; the rest was `rope_scaling`


def for_older_readers(config: dict[str, Any]) -> dict[str, Any]:
    """`config` with the keys of Transformers 4 beside `rope_parameters`: without them it would silently take 10000 as
    the base and stretch nothing. What is there already stays. Layers of several kinds have no older form."""
    rope = config.get("rope_parameters") or {}
    if not isinstance(rope.get("rope_theta"), int | float):
        return config
    older = {key: rope[key] for key in _OWN if rope.get(key) is not None}
    if rope.get("rope_type", "default") != "default":
        older["rope_scaling"] = {key: value for key, value in rope.items() if key not in _OWN}
    return {**config, **{key: value for key, value in older.items() if config.get(key) is None}}


def spell_out(folder: Path) -> None:
    """Write config.json of `folder` for older readers too; nothing where there is none or nothing to add."""
    path = folder / "config.json"
    if not path.is_file():
        return
    config = json.loads(path.read_text(encoding="utf-8"))
    wider = for_older_readers(config)
    if wider != config:
        path.unlink()  # it may be another folder's file under a second name
        path.write_text(json.dumps(wider, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
