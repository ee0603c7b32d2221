"""Round the chosen weights block by block, by what the already rounded blocks before it give each one to work on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.moments import add_moment, linears_by_input, moments, require_numbers
from engine.calibration.windows import sample
from engine.checkpoint.precision import FLOATS
from engine.grid.grid import Grid, dequantise, packed_tensors
from engine.passes.base import PassContext
from engine.passes.quantize.autoround import Rounding, calls_of, tune
from engine.passes.quantize.clip import clip
from engine.passes.quantize.gptq import Compensation, compensation, gptq
from engine.passes.quantize.maths import on_cpu, require_finite
from engine.passes.quantize.scaled import Scaling
from engine.passes.quantize.spec import GridKind, QuantizeOptions, head_tensors
from engine.protocol.errors import UserError

# Told each weight [O, I] as it was and as it became.
Seen = Callable[[Tensor, Tensor], None]
# Of a block's time: what measuring takes, and after which its weights are rounded (then its answers are computed).
_MEASURED, _ROUNDED = 0.4, 0.8
_CALLED = 0.05  # where whole blocks are tuned, which takes most of the time, what watching them does
# Tasks in which the base model's last hidden states are what the head is given.
_WRITING = ("text-generation", "text2text-generation")
# The damping of a head that is the embedding too, at least: rows that are looked up must stay close to what they were.
# On the sample model, head and embedding in 4 bits, this takes KL from 0.042 to 0.036 nats; 1.0 takes it to 0.044.
_TIED_DAMPING = 0.1
_DTYPES = {"F64": torch.float64} | {short: getattr(torch, name) for name, short in FLOATS.items()}


class MeasuredRounding:
    """The packed tensors of weights that were rounded by calibration text, kept as files until they are written."""

    def __init__(self, context: PassContext, targets: Collection[str], seen: Seen) -> None:
        """Round those of `targets` (weights by their names in the checkpoint) that the text reaches.

        Raises UserError where the model cannot be walked or computes no numbers, Cancelled when asked to stop.
        """
        self._context, self._options, self._seen = context, context.options, seen
        dense = {t.name: _DTYPES[t.dtype] for t in context.info.tensors if t.dtype in _DTYPES}
        self._dtypes = {name: dtype for name, dtype in dense.items() if name in targets}
        self.scaling = Scaling(context, dense, self._dtypes) if self._options.method == "awq" else None
        self._files: dict[str, Path] = {}
        self._head: tuple[str, Tensor] | None = None
        ids = sample(context.source, context.info, self._options)
        try:
            self._walk(ids)
        except UserError as error:
            if error.code != "unsupported_architecture":
                raise
            raise UserError(
                f"{context.info.architecture} cannot be rounded by calibration text: {error.cause}",
                "Set “Rounding” to “nearest”.",
                where=error.where,
                code=error.code,
            ) from error

    def _walk(self, ids: Tensor) -> None:
        context = self._context
        with (
            StreamedModel(context.source, device=context.device) as model,
            Stages(model, ids, context.scratch) as stages,
        ):
            self._total = len(model.blocks) + 2  # measuring the head, writing
            self._done, self._share, self._name = 0, 0.0, ""
            blocks = stages.blocks(lambda share: self._step(_ROUNDED + (1 - _ROUNDED) * share))
            for index, (name, block) in enumerate(blocks):
                self._done, self._name = index, name
                self._round_block(model, block, stages)
            self._done += 1
            head = model.stored_head() if self._options.head != "keep" else None
            if head is not None and context.info.task in _WRITING:
                self._name = head
                self._head = head, self._head_moment(head, stages)
            self._done += 1

    def step(self, done: float, total: float, text: str) -> None:
        """Report what follows, the writing, as the last part of the whole; takes what a context's `step` does."""
        self._name = text
        self._step(done / total)

    @property
    def count(self) -> int:
        """How many weights were rounded."""
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def tensors(self, name: str) -> dict[str, Tensor]:
        """What weight `name` is stored as."""
        return load_file(self._files[name])

    def head(self, name: str, weight: Tensor, kind: GridKind) -> Grid | None:
        """The grid, scales float32, of `weight` [vocabulary, hidden] if it is the output head and was measured."""
        options: QuantizeOptions = self._options
        if self._head is None or self._head[0] != name or self._head[1].shape[0] != weight.shape[1]:
            return None
        assert options.head != "keep"
        moment = self._head[1]
        tied = len(head_tensors(self._context.info, options)) == 1
        given = None if options.method == "clip" else self._compensation(moment, _TIED_DAMPING if tied else 0.0)
        return self._rounded(weight, moment, given, options.head, kind, torch.float32)

    def _step(self, share: float | None = None) -> None:
        """Report that `share` of the present block is done; None: as much as before."""
        self._share = self._share if share is None else share
        self._context.step(self._done + self._share, self._total, self._name)

    def _round_block(self, model: StreamedModel, block: nn.Module, stages: Stages) -> None:
        self._step(0.0)
        names: dict[str, str] = {}
        for leaf, module in block.named_modules():
            stored = model.stored_weight(f"{self._name}.{leaf}") if isinstance(module, nn.Linear) else None
            if stored in self._dtypes:
                names[leaf] = stored
        if not names:
            return
        if self._options.method == "autoround":
            self._tune(block, stages, names)
            return
        for place, (leaves, moment) in enumerate(found := self._measured(model, block, stages, names)):
            self._step(_MEASURED + (_ROUNDED - _MEASURED) * place / len(found))
            given = self._compensation(moment) if self._options.method == "gptq" else None
            for leaf in leaves:
                self._round_linear(names[leaf], block.get_parameter(f"{leaf}.weight"), moment, given)

    def _tune(self, block: nn.Module, stages: Stages, names: Mapping[str, str]) -> None:
        """Round linear layers `names` of the present block together, by what the whole block answers."""
        options: QuantizeOptions = self._options
        roundings: dict[str, Rounding] = {}
        for leaf in [leaf for leaves in linears_by_input(block, stages) for leaf in leaves if leaf in names]:
            self._step()
            weight = block.get_parameter(f"{leaf}.weight")
            require_finite(weight, names[leaf])
            dtype = self._dtypes[names[leaf]]
            roundings[leaf] = Rounding(weight, options.bits, options.group, options.kind, dtype)
        calls = calls_of(block, self._name, stages, lambda share: self._step(_CALLED * share))
        grids = tune(
            block, roundings, calls, options.steps, options.seed,
            lambda share: self._step(_CALLED + (_ROUNDED - _CALLED) * share),
        )  # fmt: skip
        for leaf, grid in grids.items():
            self._keep(names[leaf], block.get_parameter(f"{leaf}.weight"), grid)

    def _measured(
        self, model: StreamedModel, block: nn.Module, stages: Stages, names: Collection[str]
    ) -> list[tuple[list[str], Tensor]]:
        """Those of linear layers `names` that share their inputs, and the second moment [I, I] of these inputs."""

        def measuring(share: float) -> None:
            self._step(_MEASURED * share)

        if self.scaling is not None:
            scaled = self.scaling.scale(model, self._name, block, stages, measuring, self._step)
            return [(kept, moment) for leaves, moment in scaled if (kept := [leaf for leaf in leaves if leaf in names])]
        groups = [[leaf for leaf in leaves if leaf in names] for leaves in linears_by_input(block, stages)]
        groups = [leaves for leaves in groups if leaves]
        return list(zip(groups, moments(block, groups, stages, measuring), strict=True)) if groups else []

    def _compensation(self, moment: Tensor, least_damping: float = 0.0) -> Compensation:
        options: QuantizeOptions = self._options
        return compensation(moment, max(options.damping, least_damping), options.act_order)

    def _round_linear(self, name: str, weight: Tensor, moment: Tensor, given: Compensation | None) -> None:
        require_finite(weight, name)
        options: QuantizeOptions = self._options
        grid = self._rounded(weight, moment, given, options.bits, options.kind, self._dtypes[name])
        self._keep(name, weight, grid)

    def _keep(self, name: str, weight: Tensor, grid: Grid) -> None:
        """Put in place of `weight` what `grid` stands for, and write that down."""
        rounded = dequantise(grid)
        self._seen(weight, rounded)
        weight.copy_(rounded)
        self._files[name] = self._context.scratch / f"rounded-{len(self._files)}.safetensors"
        save_file(packed_tensors(name.removesuffix(".weight"), on_cpu(grid)), self._files[name])

    def _rounded(
        self, weight: Tensor, moment: Tensor, given: Compensation | None, bits: int, kind: GridKind, dtype: torch.dtype
    ) -> Grid:
        options: QuantizeOptions = self._options
        if given is None:
            return clip(weight, moment.diagonal(), bits, options.group, kind, dtype, self._step)
        return gptq(weight, given, bits, options.group, kind, not options.act_order, dtype, self._step)

    def _head_moment(self, name: str, stages: Stages) -> Tensor:
        moment: Tensor | None = None
        for hidden in stages.answers(self._step):
            moment = add_moment(moment, hidden)
        assert moment is not None
        require_numbers(moment, name)
        return moment
