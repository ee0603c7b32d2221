"""Put files in a second place without writing their bytes again where the disk allows."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from engine.checkpoint import trust

_FOREIGN = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".ot", ".gguf", ".onnx", ".data", ".py", ".lock"}


def link_or_copy(source: Path, destination: Path) -> None:
    """Hard-link `source` as `destination`; copy it where links cannot reach (another device, a link-less disk).

    Program code is always copied: people edit it in place, and only what was allowed may run.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    real = source.resolve()
    if source.suffix == ".py":
        shutil.copyfile(real, destination)
        return
    try:
        os.link(real, destination)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES):
            raise
        shutil.copyfile(real, destination)


def checkpoint_files(folder: Path) -> Iterator[Path]:
    """The files that make up the checkpoint in `folder`, relative: weights as safetensors, configuration, tokenizer,
    licence. Pickles and other formats' weights stay out, and so does code unless the user has allowed it to run;
    sentence-transformers' module folders stay in."""
    code = trust.code_files(folder) if trust.granted(folder) else []
    for path in sorted(folder.iterdir()):
        if path in code or (path.is_file() and path.suffix not in _FOREIGN and not path.name.startswith(".")):
            yield path.relative_to(folder)
    modules = folder / "modules.json"
    if modules.is_file():
        for module in json.loads(modules.read_text(encoding="utf-8")):
            part = folder / str(module.get("path") or "")
            if part != folder and part.is_dir() and part.resolve().is_relative_to(folder.resolve()):
                for path in sorted(part.iterdir()):
                    if path.is_file() and path.suffix not in _FOREIGN:
                        yield path.relative_to(folder)
