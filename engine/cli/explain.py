"""The verb that tells where a run's difference to its original comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import jobs, output, work
from engine.protocol.errors import UserError

if TYPE_CHECKING:
    from engine.compare.explanation import Explanation


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("explain")(explain)


def explain(
    run: Annotated[str, typer.Argument(help="A run id, or the beginning of one.")],
    text: Annotated[Path | None, typer.Option(help="A text file to measure on; without it, the built-in text.")] = None,
    windows: Annotated[
        int, typer.Option(min=1, max=128, help="Stretches of 256 tokens of it. More are surer and take longer.")
    ] = 8,
    layers: Annotated[bool, typer.Option(help="Set each layer alone back to the original's weights.")] = True,
    speed: Annotated[
        bool, typer.Option("--speed", help="Also build every stage for the runtime, and time it.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=3, max=1000, help="Timing rounds, with --speed.")] = 5,
    prompt: Annotated[str | None, typer.Option(help="With --token: what the run's model answers.")] = None,
    token: Annotated[
        int | None, typer.Option(min=1, help="Instead: where the error of this token of its answer to --prompt grew.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to compute with.")] = None,
    json: output.Json = False,
) -> None:
    """Tell which pass of a run its difference to the original comes from, and which layer. Kept with the run."""
    from engine.compare.explanation import Explanation
    from engine.protocol.job import ExplainJob

    if (prompt is None) != (token is None):
        raise UserError("--prompt and --token go together.", "Give both, or neither.")
    if prompt is not None and token is not None:
        _token(run, prompt, token, threads, json)
        return
    job = ExplainJob(
        run=run, text=work.given_file(text), windows=windows, layers=layers, speed=speed, rounds=rounds, threads=threads
    )
    result = jobs.run(job)
    output.document(result) if json else explanation(Explanation.model_validate(result))


def _token(run: str, prompt: str, token: int, threads: int | None, json: bool) -> None:
    """Print where the error of one token grew."""
    from engine.compare import token_words as words
    from engine.compare.token_trace import TokenTrace
    from engine.protocol.job import TokenJob

    history = ({"role": "user", "content": prompt},)
    result = jobs.run(TokenJob(run=run, history=history, place=token - 1, threads=threads))
    if json:
        output.document(result)
        return
    found = TokenTrace.model_validate(result)
    output.table(*words.layer_table(found), right=(1, 2, 3))
    output.table(*words.choice_table(found), right=(1, 3))
    for text in words.sentences(found):
        print(text)


def explanation(found: Explanation) -> None:
    """Print an explanation: the waterfall, the layers, and which of each matters most."""
    from engine.compare import explanation_words as words

    heads, rows = words.step_table(found)
    output.table(heads, rows, right=range(1, len(heads)))
    if found.layers:
        heads, rows = words.layer_table(found)
        output.table(heads, rows, right=range(1, len(heads)))
    for text in (*found.notices, *words.sentences(found)):
        print(text)
