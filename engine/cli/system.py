"""Verbs about the installation: app, doctor, worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import output


def register(app_: typer.Typer) -> None:
    """Add the verbs."""
    app_.command("app")(app)
    app_.command("doctor")(doctor)
    app_.command("worker")(worker)


def app(
    checkpoint: Annotated[str | None, typer.Argument(help="A checkpoint to open.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="A recipe to open.")] = None,
) -> None:
    """Open the window."""
    import os
    import subprocess
    import sys

    # A program of its own: nothing of the engine may import the window.
    arguments = [*([checkpoint] if checkpoint else []), *(["--recipe", str(recipe)] if recipe else [])]
    root = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
    command = [sys.executable, "-P", "-m", "gui", *arguments]
    raise typer.Exit(subprocess.run(command, env={**os.environ, "PYTHONPATH": search}, check=False).returncode)


def doctor(json: output.Json = False) -> None:
    """Show the hardware found, and which runtimes can be used here, or why not."""
    from engine import doctor as checks
    from engine.compare.format import format_bytes

    found = checks.examine()
    if json:
        output.document(found.model_dump(mode="json"))
        return
    output.facts(
        [
            ("Hasten", found.version),
            ("Python", found.python),
            ("System", found.system),
            ("Processor", found.cpu),
            ("Physical cores", str(found.physical_cores)),
            ("Instruction sets", ", ".join(found.isa)),
            ("Memory", f"{format_bytes(found.memory_bytes)}, {format_bytes(found.available_bytes)} free"),
            *(("GPU", f"{gpu.name}, {format_bytes(gpu.memory_bytes)}") for gpu in found.gpus),
            ("GPU", "" if found.gpus else "none that NVIDIA's driver reports"),
            ("Data folder", f"{found.data_folder}{'' if found.data_folder_writable else ' (not writable!)'}"),
            ("Free disk", format_bytes(found.free_disk_bytes)),
            ("Stage cache", f"{format_bytes(found.cache_bytes)} of {format_bytes(found.cache_quota_bytes)}"),
        ]
    )
    rows = [
        (
            runtime.title,
            f"yes ({', '.join(runtime.devices)})" if runtime.usable else "no",
            runtime.version,
            f"{runtime.reason} {runtime.remedy}".strip(),
        )
        for runtime in found.runtimes
    ]
    output.table(("Runtime", "Usable", "Version", "Note"), rows)


def worker() -> None:
    """Serve jobs: JSON lines on stdin, events on stdout. What the window and other machines talk to."""
    from engine.worker.__main__ import main

    main()
