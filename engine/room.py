"""Room to work: whether a folder can be written, and whether disk and memory hold what is about to be made."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from engine import hardware
from engine.compare.format import format_bytes
from engine.protocol.errors import FULL, UserError


def existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return place


def free_bytes(folder: Path) -> int:
    """Bytes free on the disk where `folder` is or will be."""
    return shutil.disk_usage(existing(folder)).free


def require_space(folder: Path, needed_bytes: int) -> None:
    """Raise UserError (code "disk_full") when fewer than `needed_bytes` are free where `folder` is or will be."""
    free = free_bytes(folder)
    if free < needed_bytes:
        raise UserError(
            f"About {format_bytes(needed_bytes)} will be written, and {format_bytes(free)} are free on the disk.",
            "Free some space, delete old runs, or move the data folder (Settings, or HASTEN_HOME).",
            where=str(existing(folder)),
            code="disk_full",
        )


def require_memory(needed_bytes: int, what: str) -> None:
    """Raise UserError (code "not_enough_memory") when `what` ("Converting x") needs more than the machine has free."""
    available = hardware.available_memory()
    if available < needed_bytes:
        raise UserError(
            f"{what} needs about {format_bytes(needed_bytes)} of memory, and {format_bytes(available)} are free.",
            "Close other programs, choose a smaller model, or switch off that step.",
            where=what,
            code="not_enough_memory",
        )


def require_writable(folders: Iterable[Path]) -> None:
    """Make `folders`. Raises UserError (code "not_writable") for the first that cannot be made or written."""
    for folder in folders:
        probe = folder / f".probe-{id(folder):x}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except (FileExistsError, NotADirectoryError) as error:
            raise UserError(
                f"“{existing(folder)}” is a file where a folder is needed.",
                "Rename it or choose another folder.",
                where=str(folder),
                code="not_writable",
            ) from error
        except OSError as error:
            if error.errno in FULL:
                raise
            # Not permission alone: places such as /proc answer that the folder they refuse to make does not exist.
            raise not_writable(folder) from error


def not_writable(folder: Path) -> UserError:
    """The error that says so of `folder`."""
    return UserError(
        f"The folder “{folder}” may not be written.",
        "Change its permissions, or move the data folder (Settings, or HASTEN_HOME).",
        where=str(folder),
        code="not_writable",
    )
