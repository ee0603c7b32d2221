"""Run the quantize pass: one weight at a time from the source, rounded, packed, into the destination."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from engine.calibration.finite import require_finite
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.grid.grid import beside_embedding, beside_tensors, dequantise, packed_tensors
from engine.grid.scheme import with_grids
from engine.passes.base import Facts, PassContext
from engine.passes.quantize.maths import on_cpu, round_to_nearest
from engine.passes.quantize.measured import MeasuredRounding
from engine.passes.quantize.spec import QuantizeOptions, head_tensors, schemes, selected

# How many layers the pass's result names: enough to see a pattern, few enough for a line.
WORST_NAMED = 5


def run(context: PassContext) -> Facts:
    """Round the chosen weights. Raises UserError where a weight is not a number, Cancelled when asked to stop."""
    options: QuantizeOptions = context.options
    torch.set_num_threads(context.threads)
    reader = Reader(context.source)
    targets = selected(context.info, options)
    heads = head_tensors(context.info, options)
    error = _Error()
    beside = beside_embedding(reader)
    total = len(targets) + len(heads)
    done = 0
    report = context.step

    def step(name: str) -> None:
        nonlocal done
        report(done, total, name.removesuffix(".weight"))
        done += 1

    def load(name: str) -> Tensor:
        weight = reader.tensor(name)
        require_finite(weight, name)
        return weight.to(context.device)

    measured = None
    if options.method != "nearest":
        measured = MeasuredRounding(context, {target.name for target in targets}, error.add)
        report = measured.step
    changes: dict[str, Transform] = {}
    scaling = measured.scaling if measured is not None else None
    if scaling is not None:
        changes |= {name: partial(scaling.tensors, name) for name in scaling.changed}
        total += len(scaling.changed)
    for target in targets:
        if measured is not None and target.name in measured:
            changes[target.name] = partial(measured.tensors, target.name)
        else:
            changes[target.name] = partial(_pack, target.name, load, options, error)
    for target in heads:
        changes[target.name] = partial(_on_grid, target.name, load, options, error, beside, measured)
    writer = Writer(context.destination, reader)
    writer.rewrite(changes, step)
    if beside:
        writer.beside_embedding(beside)
    packed, head = schemes(context.info, options)
    writer.finish(with_grids(reader.config, packed, head))
    context.step(total, total, "")
    facts: Facts = {"layers rounded": len(targets)}
    if measured is not None:
        facts["by calibration text"] = measured.count
    if scaling is not None:
        facts["of these scaled"] = scaling.count
    facts["rounding error"] = f"{error.share:.3%} of the weights' energy"
    if worst := error.worst():
        facts["worst layers"] = ", ".join(f"{module} {share:.3%}" for module, share in worst)
    if heads:
        facts["embedding and head"] = f"{options.head} bits"
    return facts


class _Error:
    """Adds up squared errors and squared weights, of each weight and of all."""

    def __init__(self) -> None:
        self._wrong: dict[str, float] = {}
        self._whole: dict[str, float] = {}

    def add(self, name: str, weight: Tensor, rounded: Tensor) -> None:
        self._wrong[name] = float((weight.float() - rounded.float()).square().sum(dtype=torch.float64))
        self._whole[name] = float(weight.float().square().sum(dtype=torch.float64))

    @property
    def share(self) -> float:
        whole = sum(self._whole.values())
        return sum(self._wrong.values()) / whole if whole else 0.0

    def worst(self) -> list[tuple[str, float]]:
        """The modules that lost the largest shares of their own energy, worst first; none where nothing was lost."""
        shares = {name: wrong / self._whole[name] for name, wrong in self._wrong.items() if wrong and self._whole[name]}
        ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        return [(name.removesuffix(".weight"), share) for name, share in ranked[:WORST_NAMED]]


def _pack(name: str, load: Callable[[str], Tensor], options: QuantizeOptions, error: _Error) -> dict[str, Tensor]:
    weight = load(name)
    grid = on_cpu(round_to_nearest(weight, options.bits, options.group, options.kind))
    error.add(name, weight.cpu(), dequantise(grid))
    return packed_tensors(name.removesuffix(".weight"), grid)


def _on_grid(
    name: str, load: Callable[[str], Tensor], options: QuantizeOptions, error: _Error, beside: dict[str, Tensor],
    measured: MeasuredRounding | None,
) -> dict[str, Tensor]:  # fmt: skip
    """Embedding or head: every value moved onto its grid, the scales (float32) and offsets kept aside."""
    assert options.head != "keep"
    weight, kind = load(name), options.head_kind
    grid = measured.head(name, weight, kind) if measured is not None else None
    grid = on_cpu(grid or round_to_nearest(weight, options.head, options.group, kind, torch.float32))
    rounded = dequantise(grid).to(weight.dtype)
    error.add(name, weight.cpu(), rounded)
    beside.update(beside_tensors(name.removesuffix(".weight"), grid))
    return {name: rounded}
