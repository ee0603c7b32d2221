"""A checkpoint's content as one hash, remembered by path, size and modification time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from engine import paths
from engine.links import checkpoint_files

_ENTRIES = 5000  # files remembered
_BLOCK = 16 << 20  # bytes read at once: a fraction of a second

Step = Callable[[float, float, str], None]


def fingerprint(path: Path, step: Step = lambda done, total, text: None) -> str:
    """SHA-256 (hex) of a file, or of the names and contents of the files that make up a checkpoint folder.

    `step` is called while files are read, with the bytes of the present one; it may raise Cancelled. Raises OSError if
    a file cannot be read.
    """
    known = _load()
    before = dict(known)
    if path.is_file():
        digest = _file(path, known, step)
    else:
        whole = hashlib.sha256()
        for name in checkpoint_files(path):
            whole.update(f"{name.as_posix()}\0{_file(path / name, known, step)}\n".encode())
        digest = whole.hexdigest()
    if known != before:
        _save(known)
    return digest


def _file(path: Path, known: dict[str, list[int | str]], step: Step) -> str:
    real = path.resolve()
    status = real.stat()
    entry = known.get(str(real))
    if entry and entry[:2] == [status.st_size, status.st_mtime_ns]:
        return str(entry[2])
    whole = hashlib.sha256()
    with real.open("rb") as file:
        while block := file.read(_BLOCK):
            step(file.tell(), status.st_size, f"Reading {path.name}")
            whole.update(block)
    digest = whole.hexdigest()
    known.pop(str(real), None)
    known[str(real)] = [status.st_size, status.st_mtime_ns, digest]
    return digest


def _table() -> Path:
    return paths.home() / "cache" / "fingerprints.json"


def _load() -> dict[str, list[int | str]]:
    try:
        table = json.loads(_table().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # only a cache: hashing again answers the same
    return table if isinstance(table, dict) else {}


def _save(known: dict[str, list[int | str]]) -> None:
    target = _table()
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    draft.write_text(json.dumps(dict(list(known.items())[-_ENTRIES:])), encoding="utf-8")
    os.replace(draft, target)
