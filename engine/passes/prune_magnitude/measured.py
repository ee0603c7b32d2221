"""Prune the chosen weights block by block, by what the already pruned blocks before it give each one to work on."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from engine.calibration.inverse import Compensation, compensation
from engine.calibration.moments import add_moment, add_squares
from engine.passes.base import PassContext
from engine.passes.blockwise import Blockwise
from engine.passes.prune_magnitude.maths import wanda
from engine.passes.prune_magnitude.sparsegpt import sparsegpt
from engine.passes.prune_magnitude.spec import PruneMagnitudeOptions
from engine.passes.targets import stores_inputs_first


class MeasuredPruning(Blockwise):
    """Weights that were pruned by calibration text."""

    cannot = "pruned"
    remedy = "Set “Method” to “magnitude”."

    def __init__(self, context: PassContext, targets: Collection[str]) -> None:
        """Prune those of `targets` (weights by their names in the checkpoint) that the text reaches.

        Raises UserError where the model cannot be walked or computes no numbers, Cancelled when asked to stop.
        """
        super().__init__(context, targets)
        self._options: PruneMagnitudeOptions = context.options
        self._inputs_first = stores_inputs_first(context.info)
        self.walk()

    def gather(self, total: Tensor | None, inputs: Tensor) -> Tensor:
        """Wanda needs the diagonal alone."""
        return (add_moment if self._options.method == "sparsegpt" else add_squares)(total, inputs)

    def prepare(self, gathered: Tensor) -> Compensation | None:
        """What SparseGPT needs of the second moments `gathered`."""
        options = self._options
        return compensation(gathered, options.damping, act_order=False) if options.method == "sparsegpt" else None

    def change(
        self, name: str, weight: Tensor, gathered: Tensor, prepared: Compensation | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`weight` pruned; stored in the layout of the checkpoint."""
        share, pattern = self._options.sparsity / 100, self._options.pattern
        if prepared is None:
            pruned = weight.masked_fill(wanda(weight, gathered, share, pattern, self.tick), 0)
        else:
            pruned = sparsegpt(weight, prepared, share, pattern, self.tick)
        pruned = pruned.to(self.dtypes[name])
        stored = pruned.T if self._inputs_first else pruned
        return pruned, {name: stored.contiguous().cpu()}
