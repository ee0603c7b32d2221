"""Verbs about the installation: app, doctor, tune-machine, worker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import output

if TYPE_CHECKING:
    from engine.parallel.tuning import MachineTuning


def register(app_: typer.Typer) -> None:
    """Add the verbs."""
    app_.command("app")(app)
    app_.command("doctor")(doctor)
    app_.command("tune-machine")(tune_machine)
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
            " ".join(filter(None, (runtime.reason, runtime.remedy, runtime.limits, *runtime.refused.values()))),
        )
        for runtime in found.runtimes
    ]
    output.table(("Runtime", "Usable", "Version", "Note"), rows)
    if found.tuning is None:
        print("“hasten tune-machine” measures which threads decode fastest here.")
    else:
        _tuning(found.tuning)


def tune_machine(
    runtime: Annotated[
        list[str] | None, typer.Option(help="A runtime to measure (repeatable); without it all that open quickly.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A decoder's folder to measure with; without it the sample model.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=3, max=1000, help="Interleaved rounds of every race.")] = 7,
    new_tokens: Annotated[int, typer.Option(min=4, max=1024, help="New tokens an answer.")] = 32,
    forget: Annotated[bool, typer.Option("--forget", help="Go back to the defaults and measure nothing.")] = False,
    json: output.Json = False,
) -> None:
    """Measure which threads, cores and memory pages decode fastest here. What is proven is used from then on."""
    import os

    from engine.cli import jobs
    from engine.parallel import tuning
    from engine.protocol.job import TuneMachineJob

    if forget:
        tuning.forget()
        output.document({}) if json else print("The defaults hold again.")
        return
    folder = None if checkpoint is None else os.path.abspath(checkpoint.expanduser())
    job = TuneMachineJob(runtimes=tuple(runtime or ()), checkpoint=folder, rounds=rounds, new_tokens=new_tokens)
    result = jobs.run(job)
    output.document(result) if json else _tuning(tuning.MachineTuning.model_validate(result))


def _tuning(found: MachineTuning) -> None:
    """Print what was measured, runtime by runtime."""
    from engine.compare.format import factor_interval
    from engine.parallel.tuning import tuned
    from engine.runtimes import catalog

    rows = []
    for name, tuning in found.runtimes.items():
        gain = "–"
        if tuning.speedup is not None:
            value, low, high = factor_interval(tuning.speedup.value, tuning.speedup.low, tuning.speedup.high)
            gain = f"×{value} ({low}–{high})"
        held = (
            str(tuning.used) if tuned(name) == tuning else f"{tuning.default} (measured with version {tuning.version})"
        )
        title = catalog.get(name).title if name in catalog.all_runtimes() else name
        rows.append((title, held, str(tuning.best), gain, "yes" if tuning.proven else "no", tuning.model))
    columns = ("Runtime", "Used", "Best measured", "Against the default", "Proven", "Model")
    output.table(columns, rows, title=f"Measured on {found.measured_at[:10]}")


def worker() -> None:
    """Serve jobs: JSON lines on stdin, events on stdout. What the window and other machines talk to."""
    from engine.worker.__main__ import main

    main()
