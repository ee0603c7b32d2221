"""Run the pruning pass: tensor by tensor, zeros stored in place."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from engine.checkpoint.info import TensorHeader
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.prune_magnitude.maths import GlobalThreshold, fill_ties, n_of_m, smallest
from engine.passes.prune_magnitude.measured import MeasuredPruning
from engine.passes.prune_magnitude.spec import PruneMagnitudeOptions, selected
from engine.passes.targets import stores_inputs_first


class _Pruner:
    """Prunes one weight after another and counts the zeros."""

    def __init__(self, context: PassContext, targets: list[TensorHeader]) -> None:
        self.options: PruneMagnitudeOptions = context.options
        self.reader = Reader(context.source)
        self.zeros = self.weights = self.done = 0
        self._context, self._targets = context, targets
        self._inputs_first = stores_inputs_first(context.info)
        options = self.options
        self._whole_model = options.method == "magnitude" and options.pattern is None and options.scope == "global"
        self._total = len(targets) * (3 if self._whole_model else 1)
        self._report = context.step
        self._threshold, self._ties = self._find_threshold() if self._whole_model else (0.0, 0)
        self.measured: MeasuredPruning | None = None
        if options.method != "magnitude":
            self.measured = MeasuredPruning(context, {target.name for target in targets})
            self._report = self.measured.step

    def step(self, name: str) -> None:
        """Report that `name` is next."""
        self._report(self.done, self._total, name.removesuffix(".weight"))
        self.done += 1

    def prune(self, name: str) -> dict[str, Tensor]:
        """The weight with its least important members set to zero; by magnitude what no text reached."""
        if self.measured is not None and name in self.measured:
            pruned = self.measured.tensors(name)[name]
        else:
            weight = self.reader.tensor(name)
            pruned = weight.masked_fill(self._mask(weight.to(self._context.device)).cpu(), 0)
        self.zeros += int((pruned == 0).sum())
        self.weights += pruned.numel()
        return {name: pruned}

    def _mask(self, weight: Tensor) -> Tensor:
        options = self.options
        if options.pattern is not None:
            if self._inputs_first:
                return n_of_m(weight.T, *options.pattern).T
            return n_of_m(weight, *options.pattern)
        if not self._whole_model:
            return smallest(weight, round(weight.numel() * options.sparsity / 100))
        magnitude = weight.float().abs().flatten()
        equal = magnitude == self._threshold
        room = min(self._ties, int(equal.sum()))
        self._ties -= room
        return fill_ties(magnitude < self._threshold, equal, room).reshape(weight.shape)

    def _find_threshold(self) -> tuple[float, int]:
        k = round(sum(target.elements for target in self._targets) * self.options.sparsity / 100)
        if k == 0:
            return 0.0, 0
        search = GlobalThreshold()
        for target in self._targets:
            self.step(target.name)
            search.count(self.reader.tensor(target.name))
        search.choose(k)
        for target in self._targets:
            self.step(target.name)
            search.refine(self.reader.tensor(target.name))
        return search.result(k)


def run(context: PassContext) -> Facts:
    """Zero the least important of the chosen weights.

    Raises UserError where calibration text cannot be followed through the model, Cancelled when asked to stop.
    """
    torch.set_num_threads(context.threads)
    targets = selected(context.info, context.options)
    pruner = _Pruner(context, targets)
    writer = Writer(context.destination, pruner.reader)
    changes: dict[str, Transform] = {target.name: partial(pruner.prune, target.name) for target in targets}
    writer.rewrite(changes, pruner.step)
    writer.finish()
    context.step(1, 1, "")
    whole = sum(tensor.elements for tensor in context.info.tensors)
    facts: Facts = {
        "weights set to zero": f"{pruner.zeros / pruner.weights:.2%} of the chosen layers",
        "zeros in the model": f"{pruner.zeros / whole:.2%}",
        "layers pruned": len(targets),
    }
    if pruner.measured is not None:
        facts["by calibration text"] = pruner.measured.count
    return facts
