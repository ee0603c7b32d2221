"""Verbs about checkpoints: sample, inspect, import, hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import jobs, output

if TYPE_CHECKING:
    from engine.checkpoint.info import CheckpointInfo
    from engine.checkpoint.tree import Node

hub = typer.Typer(help="The model hub.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("sample")(sample)
    app.command("inspect")(inspect)
    app.command("import")(import_)
    app.add_typer(hub, name="hub")


def sample(json: output.Json = False) -> None:
    """Fetch or make the sample checkpoint (once) and print its folder."""
    from engine import paths
    from engine.protocol.job import SampleJob

    folder = paths.sample()
    path = str(folder) if folder.is_dir() else jobs.run(SampleJob())["path"]
    output.document({"path": path}) if json else print(path)


def inspect(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint folder, GGUF file or run id.")],
    tensors: Annotated[bool, typer.Option(help="List every tensor too.")] = False,
    json: output.Json = False,
) -> None:
    """Show what a checkpoint is, from its headers alone."""
    from engine.checkpoint.inspect import inspect as read

    info = read(_local(checkpoint) or checkpoint)
    summary = describe(info, tensors=tensors)
    if json:
        output.document(summary)
        return
    _print(info, summary)


def describe(info: CheckpointInfo, *, tensors: bool = False) -> dict[str, Any]:
    """The JSON document of `hasten inspect`. Sizes in bytes, parameters as counts."""
    from engine.checkpoint.tree import tree

    return {
        "path": info.path,
        "architecture": info.architecture,
        "model_type": info.model_type,
        "task": info.task,
        "parameters": info.parameters,
        "bytes": info.bytes,
        "bytes_by_dtype": info.bytes_by_dtype,
        "blocks": [
            {"name": block.name, "title": block.title, "parameters": block.parameters, "bytes": block.bytes}
            for block in _blocks(tree(info))
        ],
        "layers": info.layers,
        "hidden_size": info.hidden_size,
        "vocab_size": info.vocab_size,
        "context_length": info.context_length,
        "tied_embeddings": info.tied_embeddings,
        "chat": info.chat,
        "grids": [
            {**grid.model_dump(mode="json", exclude={"modules"}), "modules": len(grid.modules)} for grid in info.grids
        ],
        "licence": info.licence,
        "warnings": list(info.warnings),
        **({"tensors": [tensor.model_dump(mode="json") for tensor in info.tensors]} if tensors else {}),
    }


def import_(
    source: Annotated[str, typer.Argument(help="A GGUF file, LoRA folder, pickle checkpoint or hub id.")],
    convert_pickle: Annotated[
        bool, typer.Option(help="Convert a pickle checkpoint, reading tensors only and running none of its code.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Turn a model into a plain checkpoint folder and print the folder."""
    from engine.protocol.job import ImportJob

    result = jobs.run(ImportJob(source=str(_local(source) or source), convert_pickle=convert_pickle))
    output.document(result) if json else print(result["path"])


@hub.command("search")
def search(
    words: Annotated[list[str], typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    json: output.Json = False,
) -> None:
    """Search the hub."""
    from engine.compare.format import format_bytes
    from engine.protocol.job import HubSearchJob

    result = jobs.run(HubSearchJob(words=" ".join(words), limit=limit))
    if json:
        output.document(result)
        return
    rows = [
        (
            model["id"],
            model.get("task") or "",
            format_bytes(model["bytes"]) if model.get("bytes") else "",
            f"{model.get('downloads') or 0:,}",
            f"{model.get('likes') or 0:,}",
        )
        for model in result["models"]
    ]
    output.table(("Model", "Task", "Weights", "Downloads", "Likes"), rows, right=(2, 3, 4))


@hub.command("download")
def download(
    repo: Annotated[str, typer.Argument(metavar="ID", help="owner/name.")],
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit.")] = None,
    json: output.Json = False,
) -> None:
    """Download a model and print its folder."""
    from engine.protocol.job import HubDownloadJob

    result = jobs.run(HubDownloadJob(repo=repo, revision=revision))
    output.document(result) if json else print(result["path"])


def _local(reference: str) -> Path | None:
    """The path that `reference` names: whatever exists there, a run's checkpoint, the sample; None for the rest."""
    from engine import paths
    from engine.runs.record import CHECKPOINT, RECORD
    from engine.runs.store import RunStore

    path = Path(reference).expanduser()
    if path.exists():
        return path / CHECKPOINT if (path / RECORD).is_file() else Path(os.path.abspath(path))
    run = RunStore().root / reference
    if reference and (run / RECORD).is_file():
        return run / CHECKPOINT
    return paths.sample() if reference == "sample" and paths.sample().is_dir() else None


def _blocks(node: Node) -> list[Node]:
    """The layers and what stands beside them: the blocks that a person counts a model in."""
    from engine.checkpoint.tree import lines

    if not node.name or any(inside.name.rpartition(".")[2].isdigit() for _, inside in lines(node)[1:]):
        numbered = node.name.rpartition(".")[2].isdigit()
        return [node] if numbered else [block for child in node.children for block in _blocks(child)]
    return [node]


def _print(info: CheckpointInfo, summary: dict[str, Any]) -> None:
    from engine.compare.format import format_bytes, format_count

    grids = [
        f"{grid['bits']} bit, {'per row' if grid['group_size'] is None else 'groups of ' + str(grid['group_size'])}, "
        f"{'symmetric' if grid['symmetric'] else 'asymmetric'}: {grid['modules']} modules"
        for grid in summary["grids"]
    ]
    output.facts(
        [
            ("Checkpoint", info.path),
            ("Architecture", f"{info.architecture} ({info.model_type})"),
            ("Task", info.task + (", chat" if info.chat else "")),
            ("Parameters", format_count(info.parameters)),
            ("Weights", format_bytes(info.bytes)),
            ("Stored as", ", ".join(f"{dtype} {format_bytes(size)}" for dtype, size in info.bytes_by_dtype.items())),
            ("Grids", "; ".join(grids)),
            ("Layers", info.stacks),
            ("Width", str(info.hidden_size)),
            ("Vocabulary", f"{info.vocab_size:,}"),
            ("Context", f"{info.context_length:,} tokens" if info.context_length else ""),
            ("Embeddings", "shared with the output" if info.tied_embeddings else ""),
            ("Licence", info.licence or "not stated"),
            *(("Warning", warning) for warning in info.warnings),
        ]
    )
    rows = [
        (block["name"], block["title"], format_count(block["parameters"]), format_bytes(block["bytes"]))
        for block in summary["blocks"]
    ]
    output.table(("Block", "What it is", "Parameters", "Bytes"), rows, right=(2, 3))
    if "tensors" in summary:
        stored = [(tensor.name, tensor.dtype, " × ".join(map(str, tensor.shape))) for tensor in info.tensors]
        output.table(("Tensor", "Type", "Shape"), stored)
