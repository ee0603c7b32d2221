"""Folders that appear whole or not at all: built under a temporary name, synced to disk, renamed.

A draft's name says who builds it (host, process, that process's start), so that what a killed process left behind
can be told from what a living one is busy with.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psutil

from engine.links import link_or_copy
from engine.room import not_writable

_MARK = ".tmp-"
_GONE = ".deleting-"
_LINK_FROM_BYTES = 1 << 20


@contextmanager
def draft(final: Path) -> Iterator[Path]:
    """An empty folder that becomes `final` when the block succeeds and vanishes when it raises.

    If `final` appears meanwhile (another process made the same thing), that one stays. What killed processes left
    beside it is removed first. Raises UserError (code "not_writable") when the folder above cannot be made or written.
    """
    with scratch(final) as folder:
        yield folder
        _open_up(folder)
        sync_tree(folder)
        try:
            os.rename(folder, final)
        except OSError:
            if not final.is_dir():
                raise
        sync(final.parent)


@contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """An empty folder next to `beside` that is gone when the block ends; should the process be killed, soon after.

    Raises UserError (code "not_writable") when the folder above cannot be made or written.
    """
    folder = beside.with_name(f".{beside.name}{_MARK}{owner()}")
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        clean(beside.parent)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    except PermissionError as error:
        raise not_writable(beside.parent) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clean(parent: Path) -> None:
    """Remove the drafts in `parent` whose builder is dead, and finish interrupted deletions. Drafts of other hosts are
    left to them."""
    if not parent.is_dir():
        return
    for folder in parent.iterdir():
        _, mark, builder = folder.name.rpartition(_MARK)
        if folder.name.startswith(_GONE) or (folder.name.startswith(".") and mark and not alive(builder)):
            shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path) -> None:
    """Delete `folder`: it is gone at once, even if removing its files is interrupted."""
    doomed = folder.with_name(f"{_GONE}{folder.name}")
    shutil.rmtree(doomed, ignore_errors=True)
    os.replace(folder, doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def finished(parent: Path) -> list[Path]:
    """What lies in `parent` under its final name: neither a draft nor being deleted."""
    return [path for path in parent.iterdir() if not path.name.startswith(".")] if parent.is_dir() else []


@cache
def owner() -> str:
    """This process, told apart from any other that had or will have its number."""
    return f"{_host()}-{os.getpid()}-{int(psutil.Process().create_time())}"


def link_tree(source: Path, destination: Path) -> None:
    """Give every file under `source` a second home under the existing folder `destination`.

    Large files are hard-linked; small ones (configuration, which people edit in place) are copied.
    """
    for path in sorted(source.rglob("*")):
        target = destination / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif path.stat().st_size >= _LINK_FROM_BYTES:
            link_or_copy(path, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def copy_tree(source: Path, destination: Path, step: Callable[[float, float, str], None]) -> None:
    """Copy every file under `source` into the existing folder `destination`; `step` is called before each."""
    files = [path for path in sorted(source.rglob("*")) if path.is_file()]
    for index, path in enumerate(files):
        step(index, len(files), path.name)
        target = destination / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def size_of(folder: Path) -> int:
    """Bytes of all files under `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def sync_tree(folder: Path) -> None:
    """Make sure that everything under `folder` has reached the disk. Linked files are somebody's finished ones."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir() or path.stat().st_nlink == 1:
            sync(path)


def sync(path: Path) -> None:
    """Make sure that a file or a folder's list of names has reached the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such call for folders
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def alive(builder: str) -> bool:
    """Whether the process that called itself `builder` (see `owner`) still runs; of other hosts that is assumed."""
    rest, _, start = builder.rpartition("-")
    host, _, pid = rest.rpartition("-")
    if host != _host():
        return True
    try:
        # a second's slack: the system's idea of when it booted may shift
        return abs(psutil.Process(int(pid)).create_time() - int(start)) < 2
    except (psutil.Error, ValueError):
        return False


def _open_up(folder: Path) -> None:
    """Let others read the files as they may read any new file: safetensors makes its own for their owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_nlink == 1:
            path.chmod(0o666 & ~mask)


def _host() -> str:
    return platform.node() or "here"
