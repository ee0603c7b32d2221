"""Folders that appear whole or not at all: built under a temporary name, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from engine.protocol.errors import UserError

_MARK = ".building-"


@contextmanager
def building(destination: Path) -> Iterator[Path]:
    """Yield an empty folder beside `destination` that takes its name when the block ends without an exception.

    If another process finished the same folder meanwhile, its result stands and this one is dropped. Folders that
    killed processes left behind are removed first.

    Raises:
        UserError: code "not_writable", when the folder above cannot be made or written.
    """
    parent = destination.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        draft = parent / f"{_MARK}{destination.name}-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
    except PermissionError as error:
        raise UserError(
            f"The folder “{parent}” may not be written.",
            "Change its permissions or move the data folder (HASTEN_HOME).",
            where=str(parent), code="not_writable",
        ) from error  # fmt: skip
    try:
        yield draft
        mask = os.umask(0)
        os.umask(mask)
        for file in draft.rglob("*"):
            if file.is_file() and file.stat().st_nlink == 1:  # linked files are somebody's finished ones
                file.chmod(0o666 & ~mask)  # safetensors makes its files readable by the owner alone
                _sync(file)
        try:
            os.rename(draft, destination)
        except OSError:
            if not destination.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raise UserError (code "disk_full") when fewer than `needed_bytes` are free where `folder` will be."""
    present = folder
    while not present.exists():
        present = present.parent
    free = shutil.disk_usage(present).free
    if free < needed_bytes:
        raise UserError(
            f"The disk has {free / 1e9:.1f} GB free where {needed_bytes / 1e9:.1f} GB are needed.",
            "Free some space, or move the data folder to another disk (HASTEN_HOME).",
            where=str(present), code="disk_full",
        )  # fmt: skip


def require_memory(needed_bytes: int, what: str) -> None:
    """Raise UserError (code "not_enough_memory") when `what` ("Converting x") needs more than the machine has free."""
    available = psutil.virtual_memory().available
    if available < needed_bytes:
        raise UserError(
            f"{what} needs about {needed_bytes / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are free.",
            "Close other programs or choose a smaller model.", code="not_enough_memory",
        )  # fmt: skip


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{_MARK}*"):
        process = left.name.rpartition("-")[2]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            shutil.rmtree(left, ignore_errors=True)
