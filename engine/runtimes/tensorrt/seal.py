"""Engines are machine code: one is loaded only where it was built, which a keyed hash beside it proves."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
from hashlib import sha256
from pathlib import Path

from engine import paths
from engine.protocol.errors import UserError

_KEY_BYTES = 32
PLAN, SEAL, SETTINGS = "engine.plan", "engine.json", "engine-settings.json"
PROMPT_PLAN, ANSWER_PLAN = "encoder.plan", "decoder.plan"  # instead of PLAN, the two of an encoder-decoder


def seal(folder: Path, gpu: str, version: str) -> None:
    """Write engine.json for the engines in `folder`: `gpu`, TensorRT's `version`, and the hash over all of them."""
    facts = {"gpu": gpu, "tensorrt": version}
    text = json.dumps({**facts, "seal": _digest(folder, facts)}, indent=2)
    (folder / SEAL).write_text(text + "\n", encoding="utf-8")


def require_own(folder: Path, gpu: str, version: str) -> None:
    """Raise UserError unless the engine in `folder` was built by this user here, for `gpu` and TensorRT `version`."""
    remedy = "Run its recipe again on this machine."
    try:
        facts = json.loads((folder / SEAL).read_text(encoding="utf-8"))
        found = str(facts.pop("seal"))
        own = hmac.compare_digest(found, _digest(folder, facts))
    except (OSError, ValueError, KeyError, AttributeError):
        own = False
    if not own:
        raise UserError(
            "This TensorRT engine was not built here, or has been changed since: it is machine code and is not run.",
            remedy, where=str(folder), code="runtime_unavailable",
        )  # fmt: skip
    if facts != {"gpu": gpu, "tensorrt": version}:
        raise UserError(
            f"This engine is for {facts['gpu']} with TensorRT {facts['tensorrt']}; here are {gpu} and {version}.",
            remedy, where=str(folder), code="runtime_unavailable",
        )  # fmt: skip


def _digest(folder: Path, facts: dict[str, str]) -> str:
    made = hmac.new(_key(), json.dumps(facts, sort_keys=True).encode(), sha256)
    # the settings say how large the buffers are that the engines write into
    for path in sorted((*folder.glob("*.plan"), *folder.glob(SETTINGS))):
        made.update(json.dumps([path.name, path.stat().st_size]).encode())  # no byte can move to another file
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                made.update(part)
    return made.hexdigest()


def _key() -> bytes:
    """This data folder's secret, made on first use; only its owner may read it."""
    path = paths.home() / "keys" / "engines"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        new = path.with_name(f"{path.name}-{secrets.token_hex(4)}.tmp")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(new, path)  # whole or not at all, and never over another's
        new.unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:  # a short one could be guessed
        raise UserError(
            "The key that protects TensorRT engines is damaged.", "Delete it, and build the engines again.",
            where=str(path),
        )  # fmt: skip
    return key
