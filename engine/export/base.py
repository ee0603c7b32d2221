"""What an export format declares, and what its writer is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.passes.base import StepContext
from engine.runs.record import RunRecord
from engine.runtimes.base import Availability


def always() -> Availability:
    """Nothing besides Hasten itself is needed."""
    return Availability(True)


def every_run(run: RunRecord) -> str:
    """Nothing speaks against any run."""
    return ""


@dataclass(frozen=True)
class FormatSpec:
    """An export format as data; importing it must not import torch.

    Attributes:
        write: "module:function" of `write(context: ExportContext) -> None`, imported only in the engine process. It
            reads back what it wrote and raises where the copy does not do what the run's result does.
        suffix: ".yaml" and the like for formats of one file; "" for folders.
        needed_bytes: an upper bound of what it writes, for the check of the disk beforehand.
        availability: whether this machine can write it, found without importing a library.
        refusal: why the format cannot hold what this run made, as a sentence, found from headers; "" where it can.
    """

    name: str
    title: str
    summary: str
    write: str
    needed_bytes: Callable[[RunRecord], int]
    suffix: str = ""
    availability: Callable[[], Availability] = always
    refusal: Callable[[RunRecord], str] = every_run

    def why_not(self, run: RunRecord) -> tuple[str, ...]:
        """Why `run` cannot be written in this format here, and the remedy if there is one; empty where it can."""
        refusal, found = self.refusal(run), self.availability()
        if refusal or found.usable:
            return (refusal,) if refusal else ()
        return tuple(filter(None, (found.reason, found.remedy)))


@dataclass(frozen=True)
class ExportContext(StepContext):
    """What a format's writer is given.

    Attributes:
        run: the run to take away; its folder is only read.
        destination: an existing empty folder, or for formats of one file the file to write.
    """

    run: RunRecord
    destination: Path
