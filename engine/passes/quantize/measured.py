"""Round the chosen weights block by block, by what the already rounded blocks before it give each one to work on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn

from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.finite import require_finite, require_numbers
from engine.calibration.inverse import Compensation, compensation
from engine.calibration.moments import add_moment, linears_by_input
from engine.grid.grid import Grid, dequantise, packed_tensors
from engine.passes.base import PassContext
from engine.passes.blockwise import CHANGED, DTYPES, Blockwise
from engine.passes.quantize.autoround import Rounding, calls_of, tune
from engine.passes.quantize.clip import clip
from engine.passes.quantize.gptq import gptq
from engine.passes.quantize.maths import on_cpu
from engine.passes.quantize.scaled import Scaling
from engine.passes.quantize.spec import GridKind, QuantizeOptions, head_tensors

# Told each weight's name and the weight [O, I] as it was and as it became.
Seen = Callable[[str, Tensor, Tensor], None]
# Of a block's time, where whole blocks are tuned: what watching their calls takes.
_CALLED = 0.05
# Tasks in which the base model's last hidden states are what the head is given.
_WRITING = ("text-generation", "text2text-generation")
# The damping of a head that is the embedding too, at least: rows that are looked up must stay close to what they were.
# On the sample model, head and embedding in 4 bits, this takes KL from 0.042 to 0.036 nats; 1.0 takes it to 0.044.
_TIED_DAMPING = 0.1


class MeasuredRounding(Blockwise):
    """The packed tensors of weights that were rounded by calibration text.

    Attributes:
        scaling: what scales blocks before they are rounded, for AWQ; None for other methods.
    """

    cannot = "rounded"
    remedy = "Set “Rounding” to “nearest”."

    def __init__(self, context: PassContext, targets: Collection[str], seen: Seen) -> None:
        """Round those of `targets` (weights by their names in the checkpoint) that the text reaches.

        Raises UserError where the model cannot be walked or computes no numbers, Cancelled when asked to stop.
        """
        super().__init__(context, targets)
        self._options: QuantizeOptions = context.options
        self._seen = seen
        dense = {t.name: DTYPES[t.dtype] for t in context.info.tensors if t.dtype in DTYPES}
        self.scaling = Scaling(context, dense, self.dtypes) if self._options.method == "awq" else None
        self._head: tuple[str, Tensor] | None = None
        self.walk()

    def measured(
        self, model: StreamedModel, name: str, block: nn.Module, stages: Stages, names: Collection[str]
    ) -> list[tuple[list[str], Tensor]]:
        """As the base class says; AWQ scales the block first."""
        if self.scaling is None:
            return super().measured(model, name, block, stages, names)
        scaled = self.scaling.scale(model, name, block, stages, self.measuring, self.tick)
        return [(kept, moment) for leaves, moment in scaled if (kept := [leaf for leaf in leaves if leaf in names])]

    def prepare(self, gathered: Tensor) -> Compensation | None:
        """What GPTQ needs of the second moments `gathered`."""
        return self._compensation(gathered) if self._options.method == "gptq" else None

    def change_block(
        self, model: StreamedModel, name: str, block: nn.Module, stages: Stages, names: Mapping[str, str]
    ) -> None:
        """As the base class says; AutoRound rounds all of a block together, by what the whole block answers."""
        options = self._options
        if options.method != "autoround":
            super().change_block(model, name, block, stages, names)
            return
        roundings: dict[str, Rounding] = {}
        for leaf in [leaf for leaves in linears_by_input(block, stages) for leaf in leaves if leaf in names]:
            self.tick()
            weight = block.get_parameter(f"{leaf}.weight")
            require_finite(weight, names[leaf])
            roundings[leaf] = Rounding(weight, options.bits, options.group, options.kind, self.dtypes[names[leaf]])
        calls = calls_of(block, name, stages, lambda share: self.tick(_CALLED * share))
        grids = tune(
            block, roundings, calls, options.steps, options.seed,
            lambda share: self.tick(_CALLED + (CHANGED - _CALLED) * share),
        )  # fmt: skip
        for leaf, grid in grids.items():
            weight = block.get_parameter(f"{leaf}.weight")
            self.keep(names[leaf], weight, *self._stored(names[leaf], weight, grid))

    def change(
        self, name: str, weight: Tensor, gathered: Tensor, prepared: Compensation | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`weight` rounded, and its packed tensors."""
        options = self._options
        grid = self._rounded(weight, gathered, prepared, options.bits, options.kind, self.dtypes[name])
        return self._stored(name, weight, grid)

    def after_blocks(self, model: StreamedModel, stages: Stages) -> None:
        """Measure what reaches the output head, if that is to be rounded."""
        head = model.stored_head() if self._options.head != "keep" else None
        if head is not None and self.context.info.task in _WRITING:
            self._name = head
            self._head = head, self._head_moment(head, stages)

    def head(self, name: str, weight: Tensor, kind: GridKind) -> Grid | None:
        """The grid, scales float32, of `weight` [vocabulary, hidden] if it is the output head and was measured."""
        options = self._options
        if self._head is None or self._head[0] != name or self._head[1].shape[0] != weight.shape[1]:
            return None
        assert options.head != "keep"
        moment = self._head[1]
        tied = len(head_tensors(self.context.info, options)) == 1
        given = None if options.method == "clip" else self._compensation(moment, _TIED_DAMPING if tied else 0.0)
        return self._rounded(weight, moment, given, options.head, kind, torch.float32)

    def _stored(self, name: str, weight: Tensor, grid: Grid) -> tuple[Tensor, dict[str, Tensor]]:
        """What `grid` makes of `weight`, and its packed tensors."""
        rounded = dequantise(grid)
        self._seen(name, weight, rounded)
        return rounded, packed_tensors(name.removesuffix(".weight"), on_cpu(grid))

    def _compensation(self, moment: Tensor, least_damping: float = 0.0) -> Compensation:
        options = self._options
        return compensation(moment, max(options.damping, least_damping), options.act_order)

    def _rounded(
        self, weight: Tensor, moment: Tensor, given: Compensation | None, bits: int, kind: GridKind, dtype: torch.dtype
    ) -> Grid:
        options = self._options
        if given is None:
            return clip(weight, moment.diagonal(), bits, options.group, kind, dtype, self.tick)
        return gptq(weight, given, bits, options.group, kind, not options.act_order, dtype, self.tick)

    def _head_moment(self, name: str, stages: Stages) -> Tensor:
        moment: Tensor | None = None
        for hidden in stages.answers(self.tick):
            moment = add_moment(moment, hidden)
        assert moment is not None
        require_numbers(moment, name)
        return moment
