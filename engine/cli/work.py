"""Verbs that work: run, compare, export."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import jobs, output

if TYPE_CHECKING:
    from engine.compare.table import Comparison
    from engine.recipe.recipe import Recipe


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (run, compare, export):
        app.command(verb.__name__)(verb)


def run(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint folder, GGUF file, run id or hub id.")],
    recipe: Annotated[Path | None, typer.Option(help="A recipe file.")] = None,
    preset: Annotated[str | None, typer.Option(help="A preset's name (“hasten presets”).")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="PASS.OPTION=VALUE", help="Change an option; also target.threads=2 and the like."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Put the built model into this new folder as well.")] = None,
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Allow the checkpoint's own Python code to run, until it changes."),
    ] = False,
    json: output.Json = False,
) -> None:
    """Run a recipe on a checkpoint and print the run's id. The same command again goes on where it ended."""
    from engine.protocol.job import RunJob

    job = RunJob(
        checkpoint=reference(checkpoint),
        recipe=_recipe(recipe, preset, settings or []),
        out=None if out is None else os.path.abspath(out.expanduser()),
        trust_remote_code=trust_remote_code,
    )
    try:
        result = jobs.run(job)
    except output.JobFailed as error:
        if error.failure.code != "remote_code" or json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        print(error.failure.cause, file=sys.stderr)
        if not typer.confirm("Run that code on this computer?", default=False, err=True):
            raise
        result = jobs.run(
            RunJob.model_validate({**job.model_dump(by_alias=True), "id": f"{job.id}t", "trust_remote_code": True})
        )
    if json:
        output.document(result)
        return
    print(result["run"])
    if sys.stdout.isatty():
        from engine.compare.format import format_bytes

        before, after = format_bytes(result["size_before"]), format_bytes(result["size_after"])
        print(f"{before} before, {after} after: {result['artefact']}")
        print(f"Next: hasten compare {checkpoint} {result['run']}")


def compare(
    candidates: Annotated[
        list[str], typer.Argument(metavar="A B …", help="Checkpoint folders or run ids; A is the reference.")
    ],
    prompts: Annotated[Path | None, typer.Option(help="A file of prompts: one a line, or a YAML list.")] = None,
    prompt: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A prompt; may be given several times.")
    ] = None,
    time_prompts: Annotated[
        bool,
        typer.Option(
            "--time-prompts", help="Time with these prompts (or the built-in ones) instead of stretches of text."
        ),
    ] = False,
    text: Annotated[Path | None, typer.Option(help="A text file for perplexity, KL divergence and agreement.")] = None,
    second_text: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A text of another kind to measure quality on as well; or “built-in”."),
    ] = None,
    tasks: Annotated[
        Path | None, typer.Option(help="Your own questions with expected answers: YAML, JSONL or CSV.")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Your own texts with references, for BLEU, ROUGE and word error rate: JSONL, CSV or TSV."),
    ] = None,
    pair_tokens: Annotated[int, typer.Option(min=1, help="Tokens of an answer to such a text, at most.")] = 256,
    lm_eval: Annotated[
        str | None,
        typer.Option(
            "--lm-eval", metavar="TASK[,TASK]", help="Tasks of lm-eval, or task files (.yaml), to ask of all."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Ask the first so many documents of each such task.", show_default="all"),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Encoders: a CSV of sentence pairs with scores. Classifiers: texts with class numbers. Taggers: "
            "CoNLL, or JSONL with tokens and tags."
        ),
    ] = None,
    tag_column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Where the tags stand in a tagger's data set: a column's number from 1, or a field's name.",
            show_default="the last column, or “tags”",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=3, max=1000, help="Interleaved timing rounds.", show_default="until the result is sure"),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=86400, help="Time for the rounds where their number is not given.")
    ] = 60,
    pause: Annotated[
        bool, typer.Option(help="Wait between rounds while other programs take much of the processors.")
    ] = True,
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a timing round's prompt.")] = 128,
    new_tokens: Annotated[int, typer.Option(min=2, help="Tokens of a timing round's answer.")] = 64,
    grid: Annotated[
        str | None,
        typer.Option(
            metavar="PROMPTSxNEWS[xBATCHES]",
            help="Time whole requests of several shapes as well: 32,128x16,64 or 32,128x16,64x1,4.",
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            metavar="N",
            help="Measure as well how N requests at once are answered, each waiting for its turn.",
            show_default="one at a time",
        ),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="PER_HOUR",
            help="What an hour of the machine costs: tells the cost of a million tokens.",
            show_default="the price in Settings",
        ),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            metavar="MS",
            help="Say whether 99 of 100 answers begin (of encoders: are there) within so many milliseconds.",
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for every candidate.")] = None,
    quality: Annotated[bool, typer.Option(help="Measure quality.")] = True,
    memory: Annotated[bool, typer.Option(help="Measure memory.")] = True,
    differences: Annotated[
        Path | None, typer.Option(help="Write what differs, case by case, into this new .csv or .json file.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Measure candidates against the first: speed, memory, quality, differences of their answers, a verdict."""
    from engine.bench.harness import read_names
    from engine.bench.pairs import read_references
    from engine.bench.questions import read_questions
    from engine.bench.shapes import read_grid
    from engine.bench.texts import read_prompts
    from engine.compare.differences import check_file, write
    from engine.compare.table import Comparison
    from engine.protocol.job import CompareJob

    if differences is not None:
        check_file(differences)
    job = CompareJob(
        candidates=tuple(reference(candidate) for candidate in candidates),
        prompts=(*read_prompts(given_file(prompts)), *(prompt or ())),
        time_prompts=time_prompts,
        text=given_file(text),
        second_text=second_text if second_text in (None, "built-in") else given_file(Path(second_text)),
        questions=read_questions(given_file(tasks)),
        pairs=read_references(given_file(pairs)),
        pair_tokens=pair_tokens,
        harness=read_names(lm_eval),
        harness_limit=limit,
        dataset=given_file(dataset),
        tag_column=tag_column,
        rounds=rounds,
        seconds=seconds,
        pause=pause,
        clients=concurrency,
        prompt_tokens=prompt_tokens,
        new_tokens=new_tokens,
        grid=read_grid(grid),
        price_per_hour=price,
        deadline_seconds=None if deadline is None else deadline / 1000,
        threads=threads,
        quality=quality,
        memory=memory,
    )
    result = jobs.run(job)
    if differences is not None:
        write(Comparison.model_validate(result), differences)
    if json:
        output.document(result)
        return
    comparison(result)


def export(
    run: Annotated[str, typer.Argument(help="A run id.")],
    format: Annotated[str, typer.Option(help="A format's name (“hasten formats”).")],
    out: Annotated[Path, typer.Option(help="The new folder or file to write.")],
    json: output.Json = False,
) -> None:
    """Take a run's result away; what was written is read back and verified."""
    from engine.protocol.job import ExportJob

    result = jobs.run(ExportJob(run=run, format=format, out=os.path.abspath(out.expanduser())))
    output.document(result) if json else print(result["path"])


def comparison(result: dict[str, Any]) -> None:
    """Print a comparison: measurements with their intervals, where answers part, the verdict."""
    from engine.compare.conditions import in_one_line
    from engine.compare.differences import case_words
    from engine.compare.format import format_measurement
    from engine.compare.table import Comparison
    from engine.metrics import catalog

    found = Comparison.model_validate(result)
    names = list(dict.fromkeys(m.name for candidate in found.candidates for m in candidate.measurements))
    rows = []
    for name in names:
        row = [catalog.get(name).title]
        for candidate in found.candidates:
            measured = candidate.measured(name)
            row.append(" ".join(format_measurement(measured)).strip() if measured else "–")
        rows.append(row)
    for name in dict.fromkeys(m.name for candidate in found.candidates for m in candidate.second):
        row = [f"{catalog.get(name).title}, second text"]
        for candidate in found.candidates:
            other = next((m for m in candidate.second if m.name == name), None)
            row.append(" ".join(format_measurement(other)).strip() if other else "–")
        rows.append(row)
    columns = ["", *(candidate.name for candidate in found.candidates)]
    output.table(columns, rows, right=range(1, len(columns)))
    for diff in found.diffs:
        name = found.candidates[diff.candidate].name
        if diff.same:
            print(f"Prompt {diff.prompt + 1}: {name} answers the same.")
        else:
            print(f"Prompt {diff.prompt + 1}: {name} differs from token {(diff.first_divergence or 0) + 1} on.")
    if found.harness:
        output.table(*_harness(found), right=range(2, 2 + 2 * len(found.candidates)))
    if found.grid:
        output.table(*_grid(found), right=range(1, 7))
    for line in case_words(found):
        print(line)
    for notice in found.notices:
        print(notice)
    print(in_one_line(found.conditions))
    print(found.verdict_text)


def _harness(found: Comparison) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the tasks of lm-eval."""
    from engine.compare.changes import score_change, score_words

    names = [candidate.name for candidate in found.candidates]
    others = range(1, len(names))
    columns = ["lm-eval task", "Metric", "Documents", *names, *(f"Change of {names[index]}" for index in others)]
    rows = [
        [
            score.task, score.metric, str(score.samples), *(score_words(score, index) for index in range(len(names))),
            *(score_change(score, index) for index in others),
        ]
        for score in found.harness
    ]  # fmt: skip
    return columns, rows


def _grid(found: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of the requests of several shapes."""
    from engine.compare.format import factor_interval, format_seconds

    rows: list[tuple[str, ...]] = []
    for cell in found.grid:
        value, low, high = factor_interval(cell.speedup.value, cell.speedup.low, cell.speedup.high)
        rows.append(
            (
                found.candidates[cell.candidate].name, str(cell.prompt_tokens), str(cell.new_tokens), str(cell.batch),
                format_seconds(cell.reference_seconds), format_seconds(cell.seconds), f"×{value} ({low}–{high})",
                cell.verdict.replace("_", " "),
            )
        )  # fmt: skip
    return ("", "Prompt", "New", "Texts at once", "Original", "Candidate", "Faster, 99 %", "Verdict"), rows


def _recipe(file: Path | None, preset: str | None, settings: list[str]) -> Recipe:
    from engine.protocol.errors import UserError
    from engine.recipe import overrides, presets
    from engine.recipe.recipe import Recipe

    if (file is None) == (preset is None):
        raise UserError(
            "A run needs a recipe." if file is None else "A run takes a recipe or a preset, not both.",
            f"Give --recipe FILE or --preset NAME ({', '.join(presets.names())}).",
            code="bad_recipe",
        )
    recipe = Recipe.read(file.expanduser()) if file is not None else presets.get(preset or "").recipe
    return overrides.apply(recipe, settings) if settings else recipe


def reference(text: str) -> str:
    """A path made absolute (the engine process may run elsewhere); anything else as it is."""
    path = Path(text).expanduser()
    return os.path.abspath(path) if path.exists() else text


def given_file(path: Path | None) -> str | None:
    """The absolute path of a file given as an option, None for none. Raises UserError if there is no such file."""
    from engine.protocol.errors import UserError

    if path is None:
        return None
    found = Path(os.path.abspath(path.expanduser()))
    if not found.is_file():
        raise UserError(f"There is no file “{path}”.", "Choose another file.", where=str(path), code="not_found")
    return str(found)
