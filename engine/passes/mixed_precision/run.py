"""Run the mixed precision pass: find what float16 cannot hold, then convert tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from engine.blocks.streamed import StreamedModel
from engine.calibration.walk import walk
from engine.calibration.windows import sample
from engine.checkpoint.precision import Precision
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.mixed_precision.maths import ACTIVATION_LIMIT, FLOAT16_MAX, largest, outermost
from engine.passes.mixed_precision.spec import MixedPrecisionOptions, by_pattern, layout, uses_float16
from engine.passes.targets import module_of
from engine.protocol.errors import UserError


def run(context: PassContext) -> Facts:
    """Convert the checkpoint. Raises UserError if float16 cannot hold the model, Cancelled when asked to stop."""
    options: MixedPrecisionOptions = context.options
    torch.set_num_threads(context.threads)
    reader = Reader(context.source)
    precision = by_pattern(context.info, options)
    islands: dict[str, str] = {}
    if options.islands and uses_float16(context.info, options):
        islands = outermost({**_large_weights(context, reader, precision), **_large_activations(context, precision)})
        precision = Precision(precision.default, _merged(precision.modules, islands))
    stored = {header.name: header for header in context.info.tensors}
    changes: dict[str, Transform] = {}
    for header in layout(context.info, precision).tensors:
        if header.dtype != stored[header.name].dtype:
            changes[header.name] = partial(_converted, reader, header.name, precision)
    total, done = len(changes), 0

    def step(name: str) -> None:
        nonlocal done
        context.step(done, total, name)
        done += 1

    writer = Writer(context.destination, reader)
    writer.rewrite(changes, step)
    writer.finish(precision.stored(reader.config))
    context.step(1, 1, "")
    facts: Facts = {"tensors converted": total}
    if islands:
        facts["kept in float32"] = ", ".join(sorted(islands))
        context.notice(f"{len(islands)} modules do not fit float16 and stay in float32.")
    elif precision.modules:
        facts["modules in another format"] = len(precision.modules)
    return facts


def _merged(modules: dict[str, str], islands: dict[str, str]) -> dict[str, str]:
    return outermost({**modules, **islands})


def _large_weights(context: PassContext, reader: Reader, precision: Precision) -> dict[str, str]:
    """Modules with a weight beyond float16."""
    found = {}
    candidates = [t for t in context.info.tensors if precision.of(t.name) == "float16" and t.dtype != "F16"]
    for index, header in enumerate(candidates):
        context.step(index, len(candidates), header.name)
        if largest([reader.tensor(header.name)]) > FLOAT16_MAX:
            found[module_of(header)] = "float32"
    return found


def _large_activations(context: PassContext, precision: Precision) -> dict[str, str]:
    """The parts of a block (attention, feed-forward, norm) in which some activation exceeds float16's range."""
    ids = sample(context.source, context.info, context.options)
    peaks: dict[str, float] = {}
    hooks = []
    with StreamedModel(context.source, device=context.device) as model:
        for name, block in model.blocks.items():
            for part_name, part in _parts(block):
                stored = model.stored_module(f"{name}.{part_name}")
                if precision.of(stored) == "float16" and any(True for _ in part.parameters()):
                    hooks += [
                        module.register_forward_hook(_watch(stored, peaks), with_kwargs=True)
                        for module in part.modules()
                    ]

        def after(name: str, block: nn.Module, before: Tensor, output: Tensor) -> None:
            peak = largest([output])
            if peak > FLOAT16_MAX and precision.default == "float16":
                raise UserError(
                    f"Between layers the model's numbers reach {peak:,.0f}, more than float16 can hold (65,504).",
                    "Choose bfloat16, which has the range of float32.",
                    where=model.stored_module(name),
                )

        walk(model, ids, after, context.step)
        for hook in hooks:
            hook.remove()
    return {name: "float32" for name, peak in peaks.items() if peak > ACTIVATION_LIMIT}


def _parts(block: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The children of a block by name; a list of modules, which is never called itself, gives its members."""
    for name, child in block.named_children():
        if isinstance(child, nn.ModuleList):
            yield from ((f"{name}.{index}", member) for index, member in enumerate(child))
        else:
            yield name, child


def _watch(name: str, peaks: dict[str, float]) -> Any:
    def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        hidden = kwargs.get("hidden_states")
        peaks[name] = max(peaks.get(name, 0.0), largest([args, hidden, output]))

    return hook


def _converted(reader: Reader, name: str, precision: Precision) -> dict[str, Tensor]:
    tensor = reader.tensor(name)
    converted = tensor.to(getattr(torch, precision.of(name)))
    if not torch.isfinite(converted).all() and torch.isfinite(tensor).all():
        raise UserError(
            f"The weight “{name}” reaches {largest([tensor]):,.0f}, more than float16 can hold (65,504).",
            "Switch on “Keep overflowing modules in float32”, or choose bfloat16.",
            where=name,
        )
    return {name: converted}
