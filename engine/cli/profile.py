"""The verb that tells where models spend their time, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import jobs, output, work

if TYPE_CHECKING:
    from engine.compare.module_times import Grouping, ModuleProfile, PhaseName


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("profile")(profile)


def profile(
    models: Annotated[
        list[str], typer.Argument(metavar="A [B …]", help="Checkpoint folders or run ids, side by side in the table.")
    ],
    phase: Annotated[
        str | None, typer.Option(help="“decode” or “prefill”: a new token, or reading the prompt.", show_default="both")
    ] = None,
    by: Annotated[
        str, typer.Option(help="“part”, “layer” or “kind”: parts of each layer, layers, or parts of all layers.")
    ] = "kind",
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Tokens of the prompt.")] = 128,
    passes: Annotated[int, typer.Option(min=8, max=200, help="How often each is timed.")] = 24,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to compute with.")] = None,
    json: output.Json = False,
) -> None:
    """Tell where models spend their time, by their runtimes' own profilers. Kept with the last run among them."""
    from engine.compare.module_times import ModuleProfile
    from engine.protocol.job import ModulesJob

    names = (_known("phase", phase, ("decode", "prefill")),) if phase else None
    grouping = _known("by", by, ("part", "layer", "kind"))
    job = ModulesJob(
        candidates=tuple(work.reference(model) for model in models),
        prompt_tokens=prompt_tokens,
        passes=passes,
        threads=threads,
    )
    result = jobs.run(job)
    if json:
        output.document(result)
        return
    found = ModuleProfile.model_validate(result)
    tell(found, names or found.phases, grouping)  # type: ignore[arg-type]


def tell(found: ModuleProfile, phases: tuple[PhaseName, ...], grouping: Grouping) -> None:
    """Print a profile: a table for each kind of work, and what takes most."""
    from engine.compare import module_words as words

    for phase in phases:
        heads, rows = words.table(found, phase, grouping)
        output.table(heads, rows, right=range(1, len(heads)))
        for text in words.sentences(found, phase):
            print(text)
    for text in found.notices:
        print(text)


def _known(option: str, value: str, allowed: tuple[str, ...]) -> str:
    from engine.protocol.errors import UserError

    if value not in allowed:
        raise UserError(f"--{option} cannot be “{value}”.", f"Choose one of: {', '.join(allowed)}.")
    return value
