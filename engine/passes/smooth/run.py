"""Run the smoothing pass: watch a layer's activations, scale, see that it answers as before, go on to the next."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.blocks.scaling import Group, Layer, Maker
from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.finite import require_numbers
from engine.calibration.windows import sample
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.smooth.maths import scales
from engine.passes.smooth.spec import SmoothOptions
from engine.protocol.errors import UserError

# How far a scaled layer's answers may be off, relative to the most that the layer changes its hidden states by. Exact
# powers of two give 0; a norm that adds 1 to its weight, or the subnormal numbers of float16, something more.
_TOLERANCE = 1e-5


def run(context: PassContext) -> Facts:
    """Scale what can be scaled. Raises UserError where the model computes no numbers, Cancelled when asked to stop."""
    torch.set_num_threads(context.threads)
    reader = Reader(context.source)
    work = _Smoothing(context, reader)
    try:
        work.walk()
    except UserError as error:
        if error.code != "unsupported_architecture":
            raise
        work.files.clear()  # what was found of a part of the layers
        context.notice(f"{context.info.architecture} is left as it is: {error.cause}")
    else:
        if not work.files:
            context.notice(f"Nothing in {context.info.architecture} can be smoothed without changing what it computes.")
    changes: dict[str, Transform] = {name: partial(_changed, path, name) for name, path in work.files.items()}
    writer = Writer(context.destination, reader)
    writer.rewrite(changes, lambda name: context.step(0, 0, name.removesuffix(".weight")))
    writer.finish()
    return {"linear layers smoothed": work.smoothed, "of": work.seen}


def _changed(path: Path, name: str) -> dict[str, Tensor]:
    return {name: load_file(path)[name]}


class _Smoothing:
    """What became of the weights, as one file a block in `scratch`.

    Attributes:
        files: the file that holds each changed tensor, by its name in the checkpoint.
        seen, smoothed: linear layers that the text reached, and of them those that were scaled.
    """

    def __init__(self, context: PassContext, reader: Reader) -> None:
        self._context, self._reader = context, reader
        self.files: dict[str, Path] = {}
        self.seen = self.smoothed = 0
        self._pairs: dict[str, Maker | None] = {}
        self._at = self._total = 0  # the present block, and how many there are

    def walk(self) -> None:
        """Go through the model layer by layer."""
        context = self._context
        ids = sample(context.source, context.info, context.options)
        with (
            StreamedModel(context.source, device=context.device) as model,
            Stages(model, ids, context.scratch) as stages,
        ):
            self._total = len(model.blocks)
            blocks = stages.blocks(lambda share: context.step(self._at + (1 + share) / 2, self._total, ""))
            for self._at, (name, block) in enumerate(blocks):
                self._smooth(model, name, block, stages)

    def _smooth(self, model: StreamedModel, name: str, block: nn.Module, stages: Stages) -> None:
        options: SmoothOptions = self._context.options

        def stored(leaf: str, values: Tensor) -> Tensor:
            return self._as_stored(names[leaf], values).to(values)

        def factors(group: Group[Tensor]) -> Tensor:
            weights = [block.get_parameter(f"{linear}.weight").data for linear in group.linears]
            largest = torch.stack([weight.abs().amax(0).float() for weight in weights]).amax(0)
            return scales(group.seen, largest, options.strength)

        names = {leaf: model.stored_parameter(f"{name}.{leaf}") or "" for leaf, _ in block.named_parameters()}
        layer = Layer(
            block, stages, _squares, lambda share: self._context.step(self._at + share / 2, self._total, name)
        )
        for group in layer.groups:
            self.seen += len(group.linears)
            require_numbers(group.seen, f"{name}.{group.linears[0]}")
        made = layer.scale(factors, stored, _TOLERANCE, self._pairs)
        self.smoothed += sum(len(group.linears) for group in layer.groups if group.linears[0] in made)
        changed = dict.fromkeys(leaf for leaves in made.values() for leaf in leaves)
        if changed:
            path = self._context.scratch / f"smoothed-{len(self.files)}.safetensors"
            values = {leaf: block.get_parameter(leaf).data for leaf in changed}
            save_file({names[leaf]: self._as_stored(names[leaf], tensor) for leaf, tensor in values.items()}, path)
            self.files |= {names[leaf]: path for leaf in changed}

    def _as_stored(self, name: str, values: Tensor) -> Tensor:
        return values.to("cpu", self._reader.tensor(name).dtype).contiguous()


def _squares(sums: Tensor | None, inputs: Tensor) -> Tensor:
    """The sums of channels' squares [I], with `inputs` [N, I] added."""
    squares = inputs.square().sum(0)
    return squares if sums is None else sums + squares
