"""Run the depth pruning pass: measure the layers, leave the least influential out, renumber the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn
from transformers import AutoConfig

from engine.blocks.streamed import StreamedModel
from engine.calibration.walk import walk
from engine.calibration.windows import sample
from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.reader import Reader
from engine.checkpoint.safety import runs_own_code
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.prune_depth.left_out import losses
from engine.passes.prune_depth.maths import Angle, Influence, least, least_stretch
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
        dropped, facts = chosen(context)
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


def chosen(context: PassContext) -> tuple[tuple[int, ...], Facts]:
    """The layers that are missed least on the calibration text, and what was measured of them."""
    options: PruneDepthOptions = context.options
    ends = options.keep_first, options.keep_last
    if options.judge == "stretch":
        angles = turns(context, options.layers)
        dropped = least_stretch(angles, options.layers, *ends)
        return dropped, {"turn over them": f"{angles[dropped[0]]:.4f}", "median turn": f"{median(angles):.4f}"}
    if options.judge == "perplexity":
        whole, without = _without(context)
        dropped = least(without, options.layers, *ends)
        return dropped, {
            "perplexity with all layers": f"{math.exp(whole):.4g}",
            "without each of them": ", ".join(f"{math.exp(without[layer]):.4g}" for layer in dropped),
        }
    influences = turns(context, 1)
    dropped = least(influences, options.layers, *ends)
    return dropped, {
        "their influence": ", ".join(f"{influences[layer]:.4f}" for layer in dropped),
        "median influence": f"{median(influences):.4f}",
    }


def turns(context: PassContext, count: int) -> list[float]:
    """How far `count` layers together turn the hidden state, by the first of them."""
    info, kind = context.info, Influence if context.options.judge == "influence" else Angle
    found = [kind() for _ in range(info.layers - count + 1)]
    ids = sample(context.source, info, context.options)
    with StreamedModel(context.source, device=context.device) as model:
        layers = _numbered(info, {name: model.stored_module(name) for name in model.blocks})
        given: dict[int, Tensor] = {}  # by layer: what the present windows give to the last `count` of them

        def after(name: str, block: nn.Module, before: Tensor, output: Tensor) -> None:
            if name not in layers:
                return
            first = layers[name] - count + 1
            given[layers[name]] = before
            if first >= 0:
                found[first].add(given.pop(first), output)
            if layers[name] == info.layers - 1:
                given.clear()

        walk(model, ids, after, context.step)
    return [turn.value for turn in found]


def _without(context: PassContext) -> tuple[float, list[float]]:
    """The loss of all layers on the calibration text, and the loss without each."""
    whole, found = losses(context.source, sample(context.source, context.info, context.options), context.step)
    if len(found) != context.info.layers:
        raise _unmeasured(context.info)
    return whole, list(found.values())


def _numbered(info: CheckpointInfo, names: Mapping[str, str]) -> dict[str, int]:
    """Block -> number, of the numbered stack's blocks, given each one's name in the checkpoint."""
    stack = stack_of(info)
    places = {name: block_of(stored + ".weight") for name, stored in names.items()}
    layers = {name: part[1] for name, part in places.items() if part is not None and part[0] == stack}
    if len(layers) != info.layers:
        raise _unmeasured(info)
    return layers


def _unmeasured(info: CheckpointInfo) -> UserError:
    return UserError(
        f"The layers of {info.architecture} cannot be measured one by one.",
        "Name the layers to drop instead.",
        where="prune_depth.named",
        code="unsupported_architecture",
    )


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
