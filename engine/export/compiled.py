"""The model compiled ahead of time to machine code (AOTInductor): opened with torch alone, without compiling again."""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import warnings
import zipfile
from pathlib import Path

import torch
import torch._inductor

from engine.export import program
from engine.export.base import ExportContext
from engine.protocol.errors import UserError

NAME = "compiled.pt2"


def write(context: ExportContext) -> None:
    """Write compiled.pt2, tokenizer and an example; verified in another process that has torch but no Transformers.

    The package is machine code for this processor's instruction set. Hasten opens it once, here, where it was made, and
    never one that came from elsewhere. Raises UserError when the model cannot be compiled, RuntimeError when the
    package computes something else.
    """
    made = program.make(context)
    context.step(0, 0, "Compiling ahead of time: this takes a minute or more")
    # a folder of its own: whatever the compiler writes into the package about it can be found again
    with tempfile.TemporaryDirectory(prefix="hasten-aoti-") as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = scratch
        try:
            packed = Path(scratch) / "package.pt2"
            torch._inductor.aoti_compile_and_package(made, package_path=str(packed))
        except (torch._inductor.exc.InductorError, RuntimeError) as error:
            said = str(error).strip().split("\n")[0].rstrip(".")
            raise UserError(
                f"AOTInductor cannot compile this model: {said}.",
                "Take the exported program away instead, which needs no compiler.",
                code="unsupported_architecture",
            ) from error
        finally:
            os.environ.pop("TORCHINDUCTOR_CACHE_DIR")
            if before is not None:
                os.environ["TORCHINDUCTOR_CACHE_DIR"] = before
        _without_places(packed, context.destination / NAME, [scratch, *_places()])
    program.finish(context, NAME)


def _places() -> list[str]:
    """Folders of this machine that the compiler names in what it makes, the longest first."""
    found = {str(Path(torch.__file__).parent.parent), sysconfig.get_paths()["include"], sys.prefix, sys.base_prefix}
    return sorted(found, key=len, reverse=True)


def _without_places(source: Path, destination: Path, places: list[str]) -> None:
    """Copy package `source` without its C++ sources, each of `places` overwritten by as many dashes: the machine code
    names its sources in messages and debug lines, which need no true path."""
    with zipfile.ZipFile(source) as package, zipfile.ZipFile(destination, "w") as copy:
        for entry in package.infolist():
            if entry.filename.endswith((".cpp", ".h")):
                continue
            data = package.read(entry)
            for place in (os.fsencode(place) for place in places):
                data = data.replace(place, b"-" * len(place))
            copy.writestr(entry.filename, data)
