"""Whatever a user names becomes a plain local checkpoint folder. [torch, only where something must be converted]"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from engine import paths
from engine.checkpoint import compact, foreign_config, hub, lora, safety, sample, trust
from engine.checkpoint.fingerprint import fingerprint
from engine.checkpoint.headers import INDEX, SINGLE, pickle_files
from engine.checkpoint.inspect import inspect, read_config
from engine.passes.base import StepContext
from engine.protocol.errors import UserError

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?$")


def resolve(
    reference: str, context: StepContext, *, trust_remote_code: bool = False, convert_pickle: bool = False
) -> Path:
    """The plain checkpoint folder that `reference` stands for.

    A folder is returned as it is when nothing must change. A GGUF file, a LoRA folder, a checkpoint quantised by
    another tool, and (with `convert_pickle`) a pickled one are converted once into the data folder, by content.
    "sample" is the sample model; "owner/name" or "owner/name@revision" that is no local path comes from the hub.
    `trust_remote_code` is the user's yes to the code that the checkpoint brings, if it needs any; it is remembered.

    Raises:
        UserError: whatever is wrong with it, by name.
    """
    if reference == "sample":
        return sample.ensure(context)
    path = Path(reference).expanduser()
    if path.is_file():
        return _gguf(path, context)
    if path.is_dir():
        return _folder(path.resolve(), context, trust_remote_code, convert_pickle)
    if _HUB_ID.match(reference):
        repo, _, revision = reference.partition("@")
        return _folder(hub.download(repo, context, revision or None), context, trust_remote_code, convert_pickle)
    raise UserError(
        f"There is no checkpoint “{reference}”.", "Give a folder, a .gguf file, “sample”, or a hub id (owner/name).",
        where=reference, code="not_found",
    )  # fmt: skip


def _folder(folder: Path, context: StepContext, allow_code: bool, convert_pickle: bool) -> Path:
    if lora.is_adapter(folder):
        base = resolve(lora.base_reference(folder), context, trust_remote_code=allow_code)
        return _converted(
            folder.name, _combined(folder, base), lambda target: lora.merge(folder, base, target, context), context
        )
    ggufs = sorted(folder.glob("*.gguf"))
    if not (folder / "config.json").is_file() and len(ggufs) == 1:
        return _gguf(ggufs[0], context)
    config = read_config(folder)
    if compact.is_compact(config):
        from engine.checkpoint import zeros

        key = fingerprint(folder, context.step)
        return _converted(folder.name, key, lambda target: zeros.restore(folder, target, context), context)
    architecture = str((config.get("architectures") or ["?"])[0])
    if allow_code and safety.needs_code(config, architecture):
        trust.grant(folder)
    safety.require_trusted(config, architecture, str(folder))
    if convert_pickle and pickle_files(folder) and not ((folder / SINGLE).is_file() or (folder / INDEX).is_file()):
        from engine.checkpoint import pickled

        key = "".join(fingerprint(part, context.step) for part in (*pickle_files(folder), folder))
        return _converted(folder.name, key, lambda target: pickled.convert(folder, target, context), context)
    info = inspect(folder)
    named = foreign_config.method(config)
    if named is None or (info.grids and foreign_config.foreign(config) is None and not _reordered(info.tensors)):
        return folder
    from engine.checkpoint import takeover

    return _converted(
        folder.name,
        fingerprint(folder, context.step),
        lambda target: takeover.convert(folder, target, context),
        context,
    )


def _gguf(path: Path, context: StepContext) -> Path:
    safety.require_supported(inspect(path))
    from engine.checkpoint import gguf

    return _converted(
        path.stem, fingerprint(path, context.step), lambda target: gguf.convert(path, target, context), context
    )


def _converted(name: str, key: str, convert: Callable[[Path], Path], context: StepContext) -> Path:
    """The conversion with content `key`, made if it is not there yet; its folder's name begins with `name`."""
    import hashlib

    tidy = re.sub(r"[^\w.-]+", "-", name)[:60] or "checkpoint"
    target = paths.models() / "converted" / f"{tidy}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    if not target.is_dir():
        convert(target)
    context.notice(f"The converted checkpoint is kept at {target}.")
    return target


def _combined(folder: Path, base: Path) -> str:
    return fingerprint(folder) + fingerprint(base)


def _reordered(tensors: object) -> bool:
    """Whether activation order (g_idx) scatters the groups, which the grid cannot express."""
    return any(getattr(tensor, "name", "").endswith("weight_g_idx") for tensor in tensors)  # type: ignore[attr-defined]
