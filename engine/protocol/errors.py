"""The three outcomes of any operation besides success: a user error, a cancellation, a bug."""

from __future__ import annotations

import errno
import traceback
from typing import Literal

from pydantic import BaseModel, ConfigDict

FailureCode = Literal[
    "user",  # any other mistake that the user can mend
    "not_a_checkpoint",
    "missing_shard",
    "corrupt_shard",
    "pickle_only",
    "remote_code",
    "unsupported_architecture",
    "unsupported_quantization",
    "disk_full",
    "not_writable",
    "not_enough_memory",
    "worker_died",
    "bad_recipe",
    "bad_order",
    "runtime_unavailable",
    "network",
    "not_found",
    "bug",
    "cancelled",
]


class UserError(Exception):
    """Something the user can mend: one sentence of cause, one of remedy, and where it is.

    Attributes:
        cause: what is wrong, one sentence, ending in a full stop.
        remedy: what to do next, one sentence, ending in a full stop.
        where: the file, option or line concerned, or None.
        code: a stable identifier; the window offers remedy buttons by it.
    """

    def __init__(self, cause: str, remedy: str, *, where: str | None = None, code: FailureCode = "user") -> None:
        super().__init__(cause)
        self.cause, self.remedy, self.where, self.code = cause, remedy, where, code

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where and self.where not in self.cause else ""
        return f"{self.cause}{place} {self.remedy}"


class Cancelled(Exception):
    """The user asked to stop. Never shown as a problem."""


FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
# What torch, ONNX Runtime and the C++ library say when an allocation fails; none of them raises MemoryError.
_MEMORY_MARKS = (
    "CUDA out of memory", "can't allocate memory", "Cannot allocate memory", "not enough memory", "bad_alloc",
    "bad allocation", "failed to map segment from shared object",
)  # fmt: skip


def _file_of(error: BaseException) -> str | None:
    name = getattr(error, "filename", None)
    return str(name) if name else None


class Failure(BaseModel):
    """How a job ended when it did not succeed, as it crosses the process boundary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["user", "cancelled", "bug"]
    cause: str
    remedy: str
    where: str | None = None
    code: FailureCode = "user"
    traceback: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The failure that describes `error`."""
        if isinstance(error, UserError):
            return cls(kind="user", cause=error.cause, remedy=error.remedy, where=error.where, code=error.code)
        if isinstance(error, (Cancelled, KeyboardInterrupt)):
            return cls(kind="cancelled", cause="Cancelled.", remedy="Run it again to go on.", code="cancelled")
        text = str(error)
        if isinstance(error, MemoryError) or any(mark in text for mark in _MEMORY_MARKS):
            return cls(
                kind="user",
                cause="The computer ran out of memory.",
                remedy="Close other programs, choose a smaller model, or lower the precision.",
                code="not_enough_memory",
            )
        if (isinstance(error, OSError) and error.errno in FULL) or "No space left on device" in text:
            return cls(
                kind="user",
                cause="The disk is full.",
                remedy="Free some space, delete intermediate stages, or move the data folder in Settings.",
                where=_file_of(error),
                code="disk_full",
            )
        if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno == errno.EROFS):
            return cls(
                kind="user",
                cause="A file or folder may not be written or read.",
                remedy="Choose another folder or change its permissions.",
                where=_file_of(error),
                code="not_writable",
            )
        return cls(
            kind="bug",
            cause=f"Hasten met something it did not expect: {type(error).__name__}: {error}",
            remedy="Please report it with the details below; nothing finished was lost.",
            code="bug",
            traceback="".join(traceback.format_exception(error)),
        )

    def to_error(self) -> Exception:
        """The exception to raise on the near side of the boundary."""
        if self.kind == "cancelled":
            return Cancelled()
        return UserError(self.cause, self.remedy, where=self.where, code=self.code)
