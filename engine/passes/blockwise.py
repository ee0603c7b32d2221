"""Change linear weights block by block, by what the already changed blocks before it give each one to work on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine import heap
from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.finite import require_finite
from engine.calibration.moments import LINEARS, add_moment, holds_inputs_first, linears_by_input, moments
from engine.calibration.windows import sample
from engine.checkpoint.precision import FLOATS
from engine.passes.base import PassContext
from engine.protocol.errors import UserError

# Of a block's time: what measuring takes, and after which its weights are changed (then its answers are computed).
MEASURED, CHANGED = 0.4, 0.8
DTYPES = {"F64": torch.float64} | {short: getattr(torch, name) for name, short in FLOATS.items()}


class Blockwise(ABC):
    """The tensors that weights became, kept as files until they are written.

    Attributes:
        cannot: what the pass does to a model, as "cannot be …" goes on.
        remedy: what to choose where a model cannot be walked.
        context: what the pass was given; its options are those of a walk on calibration text.
        dtypes: in which type the checkpoint stores each weight that is to be changed.
    """

    cannot: str
    remedy: str

    def __init__(self, context: PassContext, targets: Collection[str]) -> None:
        """`targets`: weights by their names in the checkpoint."""
        self.context = context
        self.dtypes = {t.name: DTYPES[t.dtype] for t in context.info.tensors if t.name in targets}
        self._files: dict[str, Path] = {}
        self._done, self._total, self._share, self._name = 0, 1, 0.0, ""

    @abstractmethod
    def change(self, name: str, weight: Tensor, gathered: Tensor, prepared: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """What `weight` [O, I], float32 and finite, becomes, and the tensors that it is stored as.

        `gathered` and `prepared` are of the inputs that reach it.
        """

    def gather(self, total: Tensor | None, inputs: Tensor) -> Tensor:
        """`total` (None: zero) with what is measured of `inputs` [..., I] added; Σ x xᵀ where not overridden."""
        return add_moment(total, inputs)

    def prepare(self, gathered: Tensor) -> Any:
        """What is made once of `gathered` for all layers that share an input."""
        return None

    def measured(
        self, model: StreamedModel, name: str, block: nn.Module, stages: Stages, names: Collection[str]
    ) -> list[tuple[list[str], Tensor]]:
        """Those of linear layers `names` of the present block that share their inputs, and what is gathered of these;
        [] where the text reaches none."""
        groups = [[leaf for leaf in leaves if leaf in names] for leaves in linears_by_input(block, stages)]
        groups = [leaves for leaves in groups if leaves]
        if not groups:
            return []
        return list(zip(groups, moments(block, groups, stages, self.measuring, self.gather), strict=True))

    def change_block(
        self, model: StreamedModel, name: str, block: nn.Module, stages: Stages, names: Mapping[str, str]
    ) -> None:
        """Change linear layers `names` (their names in the block -> in the checkpoint) of the present block `name`."""
        found = self.measured(model, name, block, stages, names)
        count = len(found)
        while found:
            self.tick(MEASURED + (CHANGED - MEASURED) * (1 - len(found) / count))
            leaves, gathered = found.pop(0)
            prepared = self.prepare(gathered)
            for leaf in leaves:
                weight = block.get_parameter(f"{leaf}.weight")
                require_finite(weight, names[leaf])
                matrix = weight.T if holds_inputs_first(block.get_submodule(leaf)) else weight
                changed, tensors = self.change(names[leaf], matrix, gathered, prepared)
                self.keep(names[leaf], matrix, changed, tensors)

    def keep(self, name: str, weight: Tensor, changed: Tensor, tensors: dict[str, Tensor]) -> None:
        """Put `changed` in place of `weight` in the model, and write down `tensors`, as which `name` is stored."""
        weight.copy_(changed)
        self._files[name] = self.context.scratch / f"changed-{len(self._files)}.safetensors"
        save_file(tensors, self._files[name])

    def measuring(self, share: float) -> None:
        """Report that `share` of measuring the present block is done."""
        self.tick(MEASURED * share)

    def after_blocks(self, model: StreamedModel, stages: Stages) -> None:  # noqa: B027 - most do nothing there
        """What is done behind the last block."""

    def walk(self) -> None:
        """Change those targets that the text reaches.

        Raises UserError where the model cannot be walked or computes no numbers, Cancelled when asked to stop.
        """
        context = self.context
        ids = sample(context.source, context.info, context.options)
        try:
            with (
                StreamedModel(context.source, device=context.device) as model,
                Stages(model, ids, context.scratch) as stages,
            ):
                self._walk(model, stages)
        except UserError as error:
            if error.code != "unsupported_architecture":
                raise
            raise UserError(
                f"{context.info.architecture} cannot be {self.cannot} by calibration text: {error.cause}",
                self.remedy,
                where=error.where,
                code=error.code,
            ) from error

    def step(self, done: float, total: float, text: str) -> None:
        """Report what follows, the writing, as the last part of the whole; takes what a context's `step` does."""
        self._name = text
        self.tick(done / total)

    def tick(self, share: float | None = None) -> None:
        """Report that `share` of the present part is done; None: as much as before."""
        self._share = self._share if share is None else share
        self.context.step(self._done + self._share, self._total, self._name)

    @property
    def count(self) -> int:
        """How many weights were changed."""
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def tensors(self, name: str) -> dict[str, Tensor]:
        """What weight `name` is stored as."""
        return load_file(self._files[name])

    def _walk(self, model: StreamedModel, stages: Stages) -> None:
        self._total = len(model.blocks) + 2  # what follows the last block, writing
        blocks = stages.blocks(lambda share: self.tick(CHANGED + (1 - CHANGED) * share))
        for index, (name, block) in enumerate(blocks):
            self._done, self._name = index, name
            self.tick(0.0)
            names: dict[str, str] = {}
            for leaf, module in block.named_modules():
                stored = model.stored_weight(f"{name}.{leaf}") if isinstance(module, LINEARS) else None
                if stored in self.dtypes:
                    names[leaf] = stored
            if names:
                self.change_block(model, name, block, stages, names)
                heap.trim()  # what measuring took lies between what is kept
        self._done += 1
        self.after_blocks(model, stages)
        self._done += 1
