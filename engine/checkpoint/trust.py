"""The user's yes to a checkpoint's own Python code, remembered by what the code is: one changed byte takes it back.

Every process asks here, so that the yes reaches the worker, replicas and probes without being handed around. Nothing
in this file runs or imports that code, and it is free of torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine import paths
from engine.protocol.errors import UserError

# "module.Class" of a file in the folder. Transformers also takes "owner/name--module.Class" and paths: not here.
_LOCAL = re.compile(r"([A-Za-z_]\w*)\.[A-Za-z_]\w*")
_NAMING = ("config.json", "tokenizer_config.json")


def code_files(folder: Path) -> list[Path]:
    """The Python files that lie in `folder` itself, sorted by name."""
    return sorted(path for path in folder.glob("*.py") if path.is_file() and not path.name.startswith("."))


def own_code(folder: Path) -> bool:
    """Whether config.json points at code, and all that it and the tokenizer point at lies in `folder`."""
    auto_map = _json(folder / _NAMING[0]).get("auto_map")
    if not isinstance(auto_map, dict) or not auto_map:
        return False
    present = {path.stem for path in code_files(folder)}
    for reference in _references(folder):
        found = _LOCAL.fullmatch(reference)
        if found is None or found[1] not in present:
            return False
    return True


def grant(folder: Path) -> None:
    """Remember that the code in `folder` may run, as it is now and wherever a copy of it lies.

    Raises:
        UserError: "unsupported_architecture" when the code is not in the folder; "not_writable".
    """
    if not own_code(folder):
        raise no_code(folder)
    known = _json(_table())
    known[_digest(folder)] = str(folder)
    target = _table()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=2)
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def granted(folder: Path) -> bool:
    """Whether `folder` brings code of its own and the user has allowed exactly this code."""
    return own_code(folder) and _digest(folder) in _json(_table())


def no_code(folder: Path) -> UserError:
    """What to say of a checkpoint whose code lies elsewhere."""
    return UserError(
        "The model exists only as Python code, and not all of that code lies in the checkpoint's folder.",
        "Put the .py files that “auto_map” in config.json names into the folder: Hasten downloads no code.",
        where=str(folder), code="unsupported_architecture",
    )  # fmt: skip


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in code_files(folder):
        whole.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _references(folder: Path) -> Iterator[str]:
    for name in _NAMING:
        auto_map = _json(folder / name).get("auto_map") or {}
        # a tokenizer's entry is a pair (slow, fast), either may be null; old ones are that pair alone
        for value in auto_map.values() if isinstance(auto_map, dict) else [auto_map]:
            for reference in value if isinstance(value, list) else [value]:
                if reference is not None:
                    yield str(reference)


def _table() -> Path:
    return paths.home() / "trusted.json"


def _json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`; empty if there is none, which here always means: not allowed."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}
