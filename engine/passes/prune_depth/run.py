"""Run the depth pruning pass: measure the layers, leave the least influential out, renumber the rest."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from transformers import AutoConfig

from engine.blocks.streamed import StreamedModel
from engine.calibration.walk import walk
from engine.calibration.windows import sample
from engine.checkpoint.reader import Reader
from engine.checkpoint.safety import runs_own_code
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.prune_depth.maths import Influence, least
from engine.passes.prune_depth.spec import PruneDepthOptions, named_layers, renumbering, shorter_config, stack_of
from engine.passes.targets import block_of
from engine.protocol.errors import UserError


def run(context: PassContext) -> Facts:
    """Drop layers. Raises UserError if they cannot be measured, Cancelled when asked to stop."""
    options: PruneDepthOptions = context.options
    torch.set_num_threads(context.threads)
    dropped = named_layers(options.named)
    facts: Facts = {}
    if not dropped:
        influences = measure(context)
        dropped = least(influences, options.layers, options.keep_first, options.keep_last)
        facts["their influence"] = ", ".join(f"{influences[layer]:.4f}" for layer in dropped)
        facts["median influence"] = f"{sorted(influences)[len(influences) // 2]:.4f}"
    reader = Reader(context.source)
    names = renumbering(context.info, dropped)
    changes: dict[str, Transform] = {}
    for name in reader:
        if names.get(name) != name:
            changes[name] = partial(_renamed, reader, name, names.get(name))
    writer = Writer(context.destination, reader)
    writer.rewrite(changes, lambda name: context.step(0, 0, name))
    writer.finish(shorter_config(_with_layer_types(context, reader), dropped))
    return {"layers dropped": ", ".join(map(str, dropped)), "layers left": context.info.layers - len(dropped), **facts}


def measure(context: PassContext) -> list[float]:
    """The influence of every layer, on the calibration text."""
    info = context.info
    stack = stack_of(info)
    found = [Influence() for _ in range(info.layers)]
    ids = sample(context.source, info, context.options)
    with StreamedModel(context.source, device=context.device) as model:
        places = {name: block_of(model.stored_module(name) + ".weight") for name in model.blocks}
        layers = {name: part[1] for name, part in places.items() if part is not None and part[0] == stack}
        if len(layers) != info.layers:
            raise UserError(
                f"The layers of {info.architecture} cannot be measured one by one.",
                "Name the layers to drop instead.",
                where="prune_depth.named",
                code="unsupported_architecture",
            )

        def after(name: str, block: nn.Module, before: Tensor, output: Tensor) -> None:
            if name in layers:
                found[layers[name]].add(before, output)

        walk(model, ids, after, context.step)
    return [influence.value for influence in found]


def _renamed(reader: Reader, name: str, new: str | None) -> dict[str, Tensor]:
    return {} if new is None else {new: reader.tensor(name)}


def _with_layer_types(context: PassContext, reader: Reader) -> dict[str, object]:
    """config.json with the attention kind of every layer spelt out: Transformers otherwise derives it from a layer's
    number, which changes."""
    resolved = AutoConfig.from_pretrained(
        context.source, local_files_only=True, trust_remote_code=runs_own_code(reader.config, context.source)
    )
    kinds = getattr(resolved, "layer_types", None)
    if not kinds or reader.config.get("layer_types"):
        return reader.config
    return {**reader.config, "layer_types": list(kinds)}
