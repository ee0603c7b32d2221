"""Verbs about what was done: runs, stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import output

if TYPE_CHECKING:
    from engine.runs.record import RunRecord

runs = typer.Typer(help="The history of runs.", invoke_without_command=True, rich_markup_mode=None)
stages = typer.Typer(help="The cache of finished stages.", invoke_without_command=True, rich_markup_mode=None)
Id = Annotated[str, typer.Argument(metavar="ID", help="A run id, or the beginning of one.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(runs, name="runs")
    app.add_typer(stages, name="stages")


@runs.callback()
def list_runs(context: typer.Context, json: output.Json = False) -> None:
    """List all runs, newest first; or show, delete or compare the settings of some."""
    if context.invoked_subcommand is not None:
        return
    from engine.compare.format import format_bytes
    from engine.runs.store import RunStore

    found = RunStore().list()
    if json:
        output.document([_document(record) for record in found])
        return
    if not found:
        print("No runs yet. “hasten run CHECKPOINT --preset NAME” makes one.")
        return
    rows = [
        (
            record.id,
            record.checkpoint_name,
            record.name,
            record.recipe.target.runtime,
            format_bytes(record.size_before),
            format_bytes(record.size_after),
            record.comparisons[-1].verdict.replace("_", " ") if record.comparisons else "",
        )
        for record in found
    ]
    output.table(("Run", "Checkpoint", "Recipe", "Runtime", "Before", "After", "Verdict"), rows, right=(4, 5))


@runs.command("show")
def show(run: Id, json: output.Json = False) -> None:
    """Show one run: what went in, what each stage did, what came out."""
    from engine.compare.format import format_bytes, format_seconds
    from engine.runs.store import RunStore

    record = RunStore().get(run)
    if json:
        output.document(_document(record))
        return
    output.facts(
        [
            ("Run", record.id),
            ("Made", record.created),
            ("Recipe", record.name),
            ("Checkpoint", record.checkpoint),
            ("Started from run", ", ".join(record.parents)),
            ("Artefact", str(record.artefact_folder)),
            ("Size", f"{format_bytes(record.size_before)} before, {format_bytes(record.size_after)} after"),
            ("Weights read", format_bytes(record.weight_bytes)),
            *((f"Compared {summary.created[:19]}", summary.verdict_text) for summary in record.comparisons),
        ]
    )
    rows = [
        (
            stage.name,
            stage.state,
            format_seconds(stage.seconds),
            format_bytes(stage.bytes),
            ", ".join(f"{key}: {output.value(fact)}" for key, fact in stage.facts.items()),
        )
        for stage in record.stages
    ]
    output.table(("Stage", "State", "Time", "Size", "What it found"), rows, right=(2, 3))
    print(record.recipe.to_yaml(), end="")


@runs.command("graph")
def graph(
    run: Id,
    nodes: Annotated[bool, typer.Option("--nodes", help="List every node that is computed, in order.")] = False,
    json: output.Json = False,
) -> None:
    """Show what the runtime's optimiser did to a run's graph: nodes fused and folded, precisions, where they run."""
    from engine.compare.graph import read
    from engine.runs.store import RunStore

    if nodes:
        _nodes(run, json)
        return
    report = read(RunStore().get(run).artefact_folder)
    if json:
        output.document(report.model_dump(mode="json"))
        return
    output.facts(
        [
            ("Compiler", report.compiler),
            ("Nodes", f"{report.nodes_before} before, {report.nodes_after} after"),
            ("Folded into constants", str(report.folded)),
            ("Weights", ", ".join(f"{count} × {kind}" for kind, count in report.precisions.items())),
            ("Computed by", ", ".join(f"{name}: {count}" for name, count in report.providers.items())),
            ("Left to the CPU", ", ".join(f"{count} × {name}" for name, count in report.fallback.items())),
        ]
    )
    rows = [
        (o.operator, str(o.before), str(o.after), ", ".join(filter(None, o.precisions)), "fused" if o.fused else "")
        for o in report.operators
    ]
    output.table(("Operator", "Before", "After", "Precision", ""), rows, right=(1, 2))


def _nodes(run: str, json: bool) -> None:
    from engine.cli import jobs
    from engine.compare.compiled import CompiledGraph
    from engine.compare.format import format_bytes
    from engine.protocol.job import GraphJob

    result = jobs.run(GraphJob(run=run))
    if json:
        output.document(result)
        return
    rows = [
        (
            node.name,
            node.operator,
            node.place.title,
            "" if node.state == "same" else node.state,
            node.precision,
            format_bytes(node.weight_bytes) if node.weight_bytes else "",
        )
        for node in CompiledGraph.model_validate(result).after
    ]
    output.table(("Node", "Operator", "Part", "", "Precision", "Weights"), rows, right=(5,))


@runs.command("delete")
def delete(
    run: Annotated[list[str], typer.Argument(metavar="ID …", help="Run ids.")], json: output.Json = False
) -> None:
    """Delete runs with everything they hold. Other runs are not touched."""
    from engine.runs.store import RunStore

    store = RunStore()
    ids = [store.get(reference).id for reference in run]
    for one in ids:
        store.delete(one)
    output.document({"deleted": ids}) if json else print("Deleted " + ", ".join(ids) + ".")


@runs.command("diff")
def diff(
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    json: output.Json = False,
) -> None:
    """Show what differs between two runs: checkpoint, recipe, stages, sizes."""
    from engine.runs.difference import difference
    from engine.runs.store import RunStore

    store = RunStore()
    first, second = store.get(a), store.get(b)
    found = difference(first, second)
    if json:
        output.document({"a": first.id, "b": second.id, "differences": [change._asdict() for change in found]})
    elif not found:
        print("No difference but the time they were made.")
    else:
        rows = [(change.what, output.value(change.a), output.value(change.b)) for change in found]
        output.table(("", first.id, second.id), rows)


@stages.callback()
def list_stages(context: typer.Context, json: output.Json = False) -> None:
    """List finished stages, the most recently used first; a run keeps what it needs when its stages are deleted."""
    if context.invoked_subcommand is not None:
        return
    from engine import settings
    from engine.compare.format import format_bytes
    from engine.runs import cache

    held, quota = cache.held_bytes(), settings.read().stage_quota_bytes
    found = [entry for place in (cache.stages(), cache.artefacts()) for entry in place.entries()]
    if json:
        listed = [{**entry.record.model_dump(mode="json"), "created": entry.created} for entry in found]
        output.document({"bytes": held, "quota_bytes": quota, "stages": listed})
        return
    rows = [(entry.key, entry.record.name, format_bytes(entry.record.bytes), entry.created) for entry in found]
    output.table(("Key", "Stage", "Size", "Made"), rows, right=(2,))
    print(f"{format_bytes(held)} on disk of a quota of {format_bytes(quota)}.")


@stages.command("delete")
def delete_stages(
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY …", help="Keys of stages.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Delete all of them.")] = False,
    json: output.Json = False,
) -> None:
    """Delete finished stages. Runs stay whole; what is deleted is made again when a recipe needs it."""
    from engine.protocol.errors import UserError
    from engine.runs import cache

    places = (cache.stages(), cache.artefacts())
    holder = {entry.key: place for place in places for entry in place.entries()}
    wanted = list(holder) if everything else keys or []
    if not wanted and not everything:
        raise UserError("No stage was named.", "Give keys, or --all.")
    for key in wanted:
        holder.get(key, places[0]).delete(key)
    output.document({"deleted": wanted}) if json else print(f"Deleted {len(wanted)} stages.")


def _document(record: RunRecord) -> dict[str, Any]:
    return {
        **record.model_dump(mode="json", by_alias=True),
        "folder": str(record.folder),
        "artefact": str(record.artefact_folder),
    }
