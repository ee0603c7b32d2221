"""A run's checkpoint for other programs: packed where plain Transformers reads it, dense otherwise."""

from __future__ import annotations

import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import dense_names
from engine.checkpoint.older import spell_out
from engine.checkpoint.precision import precision_of
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Writer
from engine.drafts import link_tree
from engine.export.base import ExportContext
from engine.export.recipe import FILE
from engine.export.verify import verify_checkpoint
from engine.export.vllm import refusal, tell_readers
from engine.grid import grid
from engine.grid.scheme import loads_plain, packed_grids, with_grids


def write(context: ExportContext) -> None:
    """Fill the destination; load it with plain Transformers in another process; compare with the run's checkpoint.

    Raises RuntimeError when the copy answers differently, OSError when the disk refuses.
    """
    source = context.run.checkpoint_folder
    reader = Reader(source)
    if not loads_plain(packed_grids(reader.config, reader), str(reader.config.get("model_type", ""))):
        context.notice("Plain Transformers cannot read these packed weights, so they are written as plain numbers.")
        write_dense(context)
        return
    link_tree(source, context.destination)
    spell_out(context.destination)
    info = inspect(context.destination)
    if info.task == "text-generation" and (why := refusal(info)):
        context.notice(f"vLLM will not load these packed weights: {why}.")
    tell_readers(context.destination, info)
    (context.destination / FILE).write_text(context.run.recipe.to_yaml(), encoding="utf-8")
    verify_checkpoint(context, source)


def write_dense(context: ExportContext) -> None:
    """Fill the destination with every packed weight as floats, exactly those its twin computes with; verified too."""
    source = context.run.checkpoint_folder
    reader = Reader(source)
    precision = precision_of(reader.config)
    writer = Writer(context.destination, reader)
    writer.beside_embedding({})
    names = list(dense_names(reader))
    for index, name in enumerate(names):
        context.step(index, len(names), name)
        packed = f"{name.removesuffix('.weight')}.weight_packed" in reader
        writer.add(name, grid.dense(reader, name, getattr(torch, precision.of(name)) if packed else None))
    writer.finish(with_grids(reader.config, (), None))
    (context.destination / FILE).write_text(context.run.recipe.to_yaml(), encoding="utf-8")
    verify_checkpoint(context, source)
