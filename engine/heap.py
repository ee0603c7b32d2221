"""What Python and the C library do with memory: garbage, and what is free but still this process's."""

from __future__ import annotations

import ctypes
import gc
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def growing() -> Iterator[None]:
    """Nothing is thrown away meanwhile, so Python does not look for garbage: a fifth of what importing torch takes."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def trim() -> None:
    """Return free memory, where the C library can (glibc); nothing elsewhere.

    What lies free between blocks in use stays a process's own otherwise, and the next stage would take more on top.
    """
    if _glibc():
        ctypes.CDLL(None).malloc_trim(0)


@cache
def _glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"
