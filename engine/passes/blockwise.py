"""Change linear weights block by block, by what the already changed blocks before it give each one to work on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.finite import require_finite
from engine.calibration.moments import LINEARS, add_moment, holds_inputs_first, linears_by_input, moments
from engine.calibration.windows import sample
from engine.checkpoint.precision import FLOATS
from engine.passes.base import PassContext
from engine.protocol.errors import UserError

# Of a block's time: what measuring takes, and after which its weights are changed (then its answers are computed).
_MEASURED, _CHANGED = 0.4, 0.8
_DTYPES = {"F64": torch.float64} | {short: getattr(torch, name) for name, short in FLOATS.items()}


class Blockwise(ABC):
    """The tensors that weights became, kept as files until they are written.

    Attributes:
        cannot: what the pass does to a model, as "cannot be …" goes on.
        remedy: what to choose where a model cannot be walked.
        context: what the pass was given; its options are those of a walk on calibration text.
    """

    cannot: str
    remedy: str

    def __init__(self, context: PassContext, targets: Collection[str]) -> None:
        """`targets`: weights by their names in the checkpoint."""
        self.context = context
        self._dtypes = {t.name: _DTYPES[t.dtype] for t in context.info.tensors if t.name in targets}
        self._files: dict[str, Path] = {}
        self._done, self._total, self._share, self._name = 0, 1, 0.0, ""

    @abstractmethod
    def change(
        self, name: str, weight: Tensor, gathered: Tensor, prepared: Any, dtype: torch.dtype
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What `weight` [O, I], float32 and finite, becomes, and the tensors (of `dtype`) that it is stored as.

        `gathered` and `prepared` are of the inputs that reach it.
        """

    def gather(self, total: Tensor | None, inputs: Tensor) -> Tensor:
        """`total` (None: zero) with what is measured of `inputs` [..., I] added; Σ x xᵀ where not overridden."""
        return add_moment(total, inputs)

    def prepare(self, gathered: Tensor) -> Any:
        """What is made once of `gathered` for all layers that share an input."""
        return None

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
        blocks = stages.blocks(lambda share: self.tick(_CHANGED + (1 - _CHANGED) * share))
        for index, (name, block) in enumerate(blocks):
            self._done, self._name = index, name
            self._change_block(model, block, stages)
        self._done += 1
        self.after_blocks(model, stages)
        self._done += 1

    def _change_block(self, model: StreamedModel, block: nn.Module, stages: Stages) -> None:
        self.tick(0.0)
        names: dict[str, str] = {}
        for leaf, module in block.named_modules():
            stored = model.stored_weight(f"{self._name}.{leaf}") if isinstance(module, LINEARS) else None
            if stored in self._dtypes:
                names[leaf] = stored
        groups = [[leaf for leaf in leaves if leaf in names] for leaves in linears_by_input(block, stages)]
        groups = [leaves for leaves in groups if leaves]
        if not groups:
            return
        found = moments(block, groups, stages, lambda share: self.tick(_MEASURED * share), self.gather)
        for place, leaves in enumerate(groups):
            self.tick(_MEASURED + (_CHANGED - _MEASURED) * place / len(groups))
            gathered = found.pop(0)
            prepared = self.prepare(gathered)
            for leaf in leaves:
                self._change_linear(names[leaf], block.get_submodule(leaf), gathered, prepared)

    def _change_linear(self, name: str, module: nn.Module, gathered: Tensor, prepared: Any) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        require_finite(weight, name)
        matrix = weight.T if holds_inputs_first(module) else weight
        changed, tensors = self.change(name, matrix, gathered, prepared, self._dtypes[name])
        matrix.copy_(changed)
        self._files[name] = self.context.scratch / f"changed-{len(self._files)}.safetensors"
        save_file(tensors, self._files[name])
