from __future__ import annotations

import errno

import pytest

from engine.protocol.errors import Cancelled, Failure, UserError


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (UserError("It is gone.", "Choose another.", code="not_found"), "user", "not_found"),
        (Cancelled(), "cancelled", "cancelled"),
        (MemoryError(), "user", "not_enough_memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "user", "not_enough_memory"),
        (RuntimeError("unable to mmap 607 bytes from file </x>: Cannot allocate memory (12)"), "user",
         "not_enough_memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "user", "not_enough_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "user", "disk_full"),
        (RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"), "user",
         "disk_full"),
        (OSError(errno.EROFS, "Read-only file system"), "user", "not_writable"),
        (ValueError("something else"), "bug", "bug"),
    ],
)  # fmt: skip
def test_what_libraries_raise_becomes_one_of_three_outcomes(error: BaseException, kind: str, code: str) -> None:
    failure = Failure.of(error)
    assert (failure.kind, failure.code) == (kind, code)
    assert (failure.traceback is not None) == (kind == "bug")
