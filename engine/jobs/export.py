"""Take a run's result away: written beside its final name, read back, renamed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from engine.catalogue import load
from engine.drafts import draft, scratch, sync
from engine.export import catalog
from engine.export.base import ExportContext, FormatSpec
from engine.jobs.base import JobContext
from engine.protocol.errors import UserError
from engine.protocol.job import ExportJob
from engine.room import require_space, require_writable
from engine.runs.record import RunRecord
from engine.runs.store import RunStore

# What these formats hold of a run whose original answers is the recipe's result alone.
_OF_THE_RESULT = frozenset({"checkpoint", "dense", "compact", "gguf", "exported", "compiled", "executorch"})


def handle(job: ExportJob, context: JobContext) -> dict[str, Any]:
    """Write run `job.run` in format `job.format` to `job.out`. Result: {"path", "files", "verified"}.

    For formats of one file `out` may name the file or an existing folder to put it in. Nothing that is there is ever
    replaced, and `out` appears whole or not at all. Raises UserError when the run or format is unknown or the
    format needs what this machine lacks, or the place is taken, not writable or too small.
    """
    run = RunStore().get(job.run)
    spec = catalog.get(job.format)
    availability = spec.availability()
    if not availability.usable:
        raise UserError(
            f"“{spec.title}” cannot be written here: {availability.reason}",
            availability.remedy,
            code="runtime_unavailable",
        )
    refusal = spec.refusal(run)
    if refusal:
        raise UserError(refusal, "Choose another format.", code="unsupported_architecture")
    if run.recipe.target.speculation == "original" and job.format in _OF_THE_RESULT:
        context.notice("This is the model that guesses. In the run, the original answers: its answers are better.")
    out = _place(Path(job.out).expanduser().absolute(), spec, run)
    require_writable([out.parent])
    require_space(out.parent, spec.needed_bytes(run))
    if spec.suffix:
        _write_file(spec, run, out, context)
    else:
        _write_folder(spec, run, out, context)
    files = [out.name] if out.is_file() else [path.relative_to(out).as_posix() for path in _files(out)]
    return {"path": str(out), "files": files, "verified": True}


def _place(out: Path, spec: FormatSpec, run: RunRecord) -> Path:
    """Where exactly the export goes. Raises UserError when something is there already."""
    if spec.suffix and out.is_dir():
        out = out / f"{run.id}{spec.suffix}"
    elif spec.suffix and not out.suffix:
        out = out.with_name(out.name + spec.suffix)
    taken = out.exists() if spec.suffix else out.is_file() or (out.is_dir() and any(out.iterdir()))
    if taken:
        raise UserError(
            f"“{out}” already exists{'' if spec.suffix or out.is_file() else ' and is not empty'}.",
            "Choose another name; Hasten never writes over what is there.",
            where=str(out),
        )
    return out


def _write_file(spec: FormatSpec, run: RunRecord, out: Path, context: JobContext) -> None:
    with scratch(out) as room:
        file = room / out.name
        load(spec.write)(_context(run, file, context))
        context.check()
        sync(file)
        os.replace(file, out)


def _write_folder(spec: FormatSpec, run: RunRecord, out: Path, context: JobContext) -> None:
    with draft(out) as folder:
        load(spec.write)(_context(run, folder, context))
        _own(folder, context)
        context.check()
        if out.is_dir():
            out.rmdir()  # empty, as checked; Windows renames nothing onto a folder


def _context(run: RunRecord, destination: Path, context: JobContext) -> ExportContext:
    steps = context.steps()
    return ExportContext(step=steps.step, notice=steps.notice, run=run, destination=destination)


def _own(folder: Path, context: JobContext) -> None:
    """Give linked files bytes of their own: the receiver may change them, the run may not change with them."""
    linked = [path for path in _files(folder) if path.stat().st_nlink > 1]
    for index, path in enumerate(linked):
        context.progress(index, len(linked), path.name, unit="file")
        copy = path.with_name(path.name + ".copy")
        shutil.copyfile(path, copy)
        os.replace(copy, path)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
