"""Give memory that is free, but still this process's, back to the system."""

from __future__ import annotations

import ctypes
import platform
from functools import cache


def trim() -> None:
    """Return free memory, where the C library can (glibc); nothing elsewhere.

    What lies free between blocks in use stays a process's own otherwise, and the next stage would take more on top.
    """
    if _glibc():
        ctypes.CDLL(None).malloc_trim(0)


@cache
def _glibc() -> bool:
    return platform.libc_ver()[0] == "glibc"
