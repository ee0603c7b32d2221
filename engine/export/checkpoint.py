"""A run's checkpoint for other programs: packed where plain Transformers reads it, dense otherwise."""

from __future__ import annotations

import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import dense_names
from engine.checkpoint.low_rank import merged
from engine.checkpoint.older import spell_out
from engine.checkpoint.precision import precision_of
from engine.checkpoint.reader import Reader
from engine.checkpoint.structure import low_rank, with_low_rank
from engine.checkpoint.writer import Writer
from engine.drafts import link_tree
from engine.export.base import ExportContext
from engine.export.recipe import FILE
from engine.export.verify import verify_checkpoint
from engine.export.vllm import refusal, tell_readers
from engine.grid import grid
from engine.grid.scheme import loads_plain, packed_grids, with_grids
from engine.passes.targets import stores_inputs_first


def write(context: ExportContext) -> None:
    """Fill the destination; load it with plain Transformers in another process; compare with the run's checkpoint.

    Raises RuntimeError when the copy answers differently, OSError when the disk refuses.
    """
    source = context.run.checkpoint_folder
    reader = Reader(source)
    if low_rank(reader.config):
        context.notice("Plain Transformers knows no layers of low rank, so their factors are multiplied out.")
        write_dense(context)
        return
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
    """Fill the destination with every packed weight as floats, exactly those its twin computes with, and with the
    products of factors; verified too."""
    source = context.run.checkpoint_folder
    reader = Reader(source)
    precision, factored = precision_of(reader.config), low_rank(reader.config)
    inputs_first = stores_inputs_first(inspect(source))
    writer = Writer(context.destination, reader)
    writer.beside_embedding({})
    names = list(dense_names(reader))
    for index, name in enumerate(names):
        context.step(index, len(names), name)
        layer, _, leaf = name.rpartition(".")
        module, _, place = layer.rpartition(".")
        own = getattr(torch, precision.of(name))
        if module not in factored:
            writer.add(name, grid.dense(reader, name, own if f"{layer}.weight_packed" in reader else None))
        elif leaf == "bias":
            writer.add(f"{module}.bias", reader.tensor(name))
        elif place == "1":
            writer.add(f"{module}.weight", merged(reader, module, own, inputs_first))
    writer.finish(with_low_rank(with_grids(reader.config, (), None), {}))
    (context.destination / FILE).write_text(context.run.recipe.to_yaml(), encoding="utf-8")
    # a product is rounded once, two factors twice: the copy is compared with itself as Hasten opens it
    verify_checkpoint(context, context.destination if factored else source)
