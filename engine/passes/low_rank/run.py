"""Run the low-rank pass: each chosen weight becomes two factors, and a bias moves to the second."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from statistics import mean

import torch
from torch import Tensor

from engine.calibration.finite import require_finite
from engine.checkpoint.load import model_class, model_config
from engine.checkpoint.low_rank import linear_of
from engine.checkpoint.reader import Reader
from engine.checkpoint.structure import low_rank, with_low_rank
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.blockwise import Blockwise
from engine.passes.low_rank.maths import Inputs, rank_for_energy, spectrum
from engine.passes.low_rank.spec import LowRankOptions, largest_rank, selected
from engine.passes.targets import stores_inputs_first


class Factoring(Blockwise):
    """Weights that became factors.

    Attributes:
        ranks: by the names of their modules in the checkpoint; the weights that are missing stay whole.
        lost: of each of them, the share of its energy that is gone.
    """

    cannot = "factored"
    remedy = "Set “Method” to “plain”."

    def __init__(self, context: PassContext, most: Mapping[str, int]) -> None:
        """`most`: the largest ranks, by the names of weights in the checkpoint."""
        super().__init__(context, most)
        self._options: LowRankOptions = context.options
        self._most = most
        self._inputs_first = stores_inputs_first(context.info)
        self.ranks: dict[str, int] = {}
        self.lost: list[float] = []

    def prepare(self, gathered: Tensor) -> Inputs:
        """The damped moments of the inputs."""
        return Inputs(gathered, self._options.damping)

    def change(
        self, name: str, weight: Tensor, gathered: Tensor | None, prepared: Inputs | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`weight` of lower rank, and its factors in the checkpoint's layout; as it was where they would be larger."""
        found = spectrum(weight, prepared)
        rank = self._most[name]
        if self._options.budget == "energy":
            rank = rank_for_energy(found.energy, self._options.energy / 100, self._options.multiple)
        if rank > self._most[name]:
            return weight, {}
        factors = [factor.to(self.dtypes[name]) for factor in found.factors(rank)]
        for factor in factors:
            require_finite(factor, name)
        module = name.removesuffix(".weight")
        self.ranks[module] = rank
        self.lost.append(found.lost(rank))
        stored = {
            f"{module}.{place}.weight": (factor.T if self._inputs_first else factor).contiguous().cpu()
            for place, factor in enumerate(factors)
        }
        return factors[1].float() @ factors[0].float(), stored

    def plain(self, reader: Reader) -> None:
        """Factor by their weights alone those that no text has reached."""
        left = [name for name in self._most if name not in self]
        for index, name in enumerate(left):
            self.step(index, len(left), name.removesuffix(".weight"))
            weight = reader.tensor(name).to(self.context.device, torch.float32, copy=True)
            require_finite(weight, name)
            matrix = weight.T if self._inputs_first else weight
            self.keep(name, matrix, *self.change(name, matrix, None, None))


def run(context: PassContext) -> Facts:
    """Factor the chosen weights.

    Raises UserError where calibration text cannot be followed through the model, where a weight is not a number or a
    layer cannot be replaced; Cancelled when asked to stop.
    """
    options: LowRankOptions = context.options
    torch.set_num_threads(context.threads)
    reader = Reader(context.source)
    most = {t.name: rank for t in selected(context.info, options) if (rank := largest_rank(t, options)) is not None}
    with torch.device("meta"):
        model = model_class(reader)(model_config(reader))
    for name in most:  # what could not be opened afterwards is told before the work
        linear_of(model, name.removesuffix(".weight"))
    work = Factoring(context, most)
    if options.method == "by text":
        work.walk()
    by_text = work.count
    work.plain(reader)
    changes: dict[str, Transform] = {}
    for module in work.ranks:
        changes[f"{module}.weight"] = partial(work.tensors, f"{module}.weight")
        if f"{module}.bias" in reader:
            changes[f"{module}.bias"] = partial(_bias, reader, module)
    writer = Writer(context.destination, reader)
    writer.rewrite(changes, lambda name: context.step(0, 0, name.rpartition(".")[0]))
    writer.finish(with_low_rank(reader.config, {**low_rank(reader.config), **work.ranks}))
    context.step(1, 1, "")
    return _facts(work, context, by_text)


def _facts(work: Factoring, context: PassContext, by_text: int) -> Facts:
    facts: Facts = {"layers factored": len(work.ranks), "kept whole": work.count - len(work.ranks)}
    if context.options.method == "by text":
        facts["by calibration text"] = by_text
    if work.ranks:
        ranks = sorted(work.ranks.values())
        facts["ranks"] = str(ranks[0]) if ranks[0] == ranks[-1] else f"{ranks[0]} to {ranks[-1]}"
        facts["energy lost"] = f"{mean(work.lost):.2%} of a layer, on average"
    else:
        context.notice("Every layer needs more than its own size for that much energy: the model stays as it was.")
    return facts


def _bias(reader: Reader, module: str) -> dict[str, Tensor]:
    return {f"{module}.1.bias": reader.tensor(f"{module}.bias")}
