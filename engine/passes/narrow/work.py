"""Go through a model layer by layer: measure its units, keep the most important, let what reads them make up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.blocks.names import stored_name
from engine.blocks.stages import Stages
from engine.blocks.streamed import StreamedModel
from engine.calibration.finite import require_numbers
from engine.calibration.moments import add_moment
from engine.calibration.windows import sample
from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.load import model_class, model_config
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import PassContext
from engine.passes.narrow.cuts import Cut, NarrowOptions, Slices, narrowed
from engine.passes.narrow.maths import centred, compensated, importance, most_important
from engine.protocol.errors import UserError


def narrow(context: PassContext, cuts: Sequence[Cut], config: dict[str, Any]) -> None:
    """Write the checkpoint without the units that matter least; `config` describes it.

    Raises UserError where Transformers would not build such a model or the layers cannot be walked, Cancelled when
    asked to stop.
    """
    torch.set_num_threads(context.threads)
    reader = Reader(context.source)
    _require_expressible(reader, narrowed(context.info, cuts, config))
    work = _Narrowing(context, reader, cuts)
    work.walk()
    changes: dict[str, Transform] = {}
    for cut in cuts:
        for name, slices in cut.tensors.items():
            changes[name] = partial(_without, reader, name, slices, work.kept[cut.reader])
        for name in filter(None, (cut.reader, cut.bias)):
            changes[name] = partial(_adapted, work.files[cut.reader], name)
    writer = Writer(context.destination, reader)
    writer.rewrite(changes, lambda name: context.step(work.total - 1, work.total, name.removesuffix(".weight")))
    writer.finish(config)


def _without(reader: Reader, name: str, slices: Slices, units: Sequence[int]) -> dict[str, Tensor]:
    return {name: reader.tensor(name).index_select(slices.axis, torch.tensor(slices.rows(units)))}


def _adapted(path: Path, name: str) -> dict[str, Tensor]:
    return {name: load_file(path)[name]}


def _require_expressible(reader: Reader, after: CheckpointInfo) -> None:
    """Raise UserError unless the model that Transformers builds from the new configuration has these shapes."""
    cls = model_class(reader)
    try:
        config = type(model_config(reader)).from_dict(after.config)
    except (ValueError, StrictDataclassError) as error:
        raise _inexpressible(after, f"Transformers says: {str(error).splitlines()[-1].strip()}") from error
    with init_empty_weights(include_buffers=False):
        model = cls._from_config(config)
    shapes = {tensor.name: tensor.shape for tensor in after.tensors}
    for name, tensor in model.state_dict().items():
        stored = stored_name(reader, name, cls.base_model_prefix)
        if stored is not None and tuple(tensor.shape) != shapes[stored]:
            raise _inexpressible(after, f"“{stored}” would have another shape.")


def _inexpressible(after: CheckpointInfo, why: str) -> UserError:
    return UserError(
        f"The configuration of {after.architecture} cannot describe the narrower model: {why}",
        "Leave this step out.",
        where="config.json",
        code="unsupported_architecture",
    )


class _Narrowing:
    """What stays of each cut, and its adapted weights as one file each in the scratch folder.

    Attributes:
        kept, files: the units that stay and the file, by the cut's reader.
        total: the steps that are reported: one a block, and writing.
    """

    def __init__(self, context: PassContext, reader: Reader, cuts: Sequence[Cut]) -> None:
        self._context, self._reader = context, reader
        self._cuts = {cut.reader: cut for cut in cuts}
        self.kept: dict[str, list[int]] = {}
        self.files: dict[str, Path] = {}
        self.total = 1
        self._done, self._name = 0, ""

    def walk(self) -> None:
        """Measure and adapt every block, the changed ones before it in place."""
        context = self._context
        ids = sample(context.source, context.info, context.options)
        with (
            StreamedModel(context.source, device=context.device) as model,
            Stages(model, ids, context.scratch) as stages,
        ):
            self.total = len(model.blocks) + 1
            blocks = stages.blocks(lambda share: self._step(0.6 + 0.4 * share))
            for done, (name, block) in enumerate(blocks):
                self._done, self._name = done, name
                self._narrow(model, block, stages)
        if len(self.kept) != len(self._cuts):
            raise UserError(
                f"The layers of {context.info.architecture} cannot be measured one by one.",
                "Leave this step out.",
                where=next(name for name in self._cuts if name not in self.kept),
                code="unsupported_architecture",
            )

    def _step(self, share: float) -> None:
        self._context.step(self._done + share, self.total, self._name)

    def _narrow(self, model: StreamedModel, block: nn.Module, stages: Stages) -> None:
        self._step(0.0)
        found = {leaf: model.stored_weight(f"{self._name}.{leaf}") for leaf, _ in block.named_modules() if leaf}
        readers = {leaf: self._cuts[stored] for leaf, stored in found.items() if stored in self._cuts}
        if not readers:
            return
        seen = {leaf: _Seen() for leaf in readers}
        hooks = [block.get_submodule(leaf).register_forward_pre_hook(seen[leaf].hook) for leaf in readers]
        try:
            stages.run(lambda share: self._step(0.5 * share))
        finally:
            for hook in hooks:
                hook.remove()
        for leaf, cut in readers.items():
            self._step(0.5)
            self._adapt(cut, block.get_submodule(leaf), seen.pop(leaf))

    def _adapt(self, cut: Cut, module: Any, seen: _Seen) -> None:
        options: NarrowOptions = self._context.options
        assert seen.moment is not None
        require_numbers(seen.moment, cut.reader)
        transposed = cut.tensors[cut.reader].axis == 0  # Conv1D
        weight: Tensor = module.weight.T if transposed else module.weight
        absorbs = options.compensate and cut.bias is not None  # the bias takes over what is the same for all tokens
        moment = centred(seen.moment, seen.total, seen.tokens) if absorbs else seen.moment
        units = most_important(importance(weight, moment, cut.size), cut.kept)
        columns = Slices(0, ((0, cut.size),)).rows(units)
        left = compensated(weight, moment, columns, options.damping) if options.compensate else weight[:, columns]
        left = self._as_stored(cut.reader, left)
        narrower = torch.zeros_like(weight)
        narrower[:, columns] = left.to(weight)
        tensors = {cut.reader: left.T if transposed else left}
        if cut.bias is not None:
            bias: Tensor = module.bias
            if absorbs:
                bias = bias + (weight - narrower) @ (seen.total / seen.tokens)
            tensors[cut.bias] = self._as_stored(cut.bias, bias)
            module.bias.copy_(tensors[cut.bias].to(module.bias))
        module.weight.copy_(narrower.T if transposed else narrower)
        self.kept[cut.reader] = units
        self.files[cut.reader] = self._context.scratch / f"narrowed-{len(self.files)}.safetensors"
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, self.files[cut.reader])

    def _as_stored(self, name: str, values: Tensor) -> Tensor:
        return values.to(self._reader.tensor(name).dtype)


class _Seen:
    """What a linear layer was given: Σ x xᵀ and Σ x, and over how many tokens."""

    def __init__(self) -> None:
        self.moment: Tensor | None = None
        self.total = torch.zeros(())
        self.tokens = 0

    def hook(self, module: nn.Module, args: Any) -> None:
        """Count the inputs of a call."""
        rows = args[0].reshape(-1, args[0].shape[-1]).float()
        self.moment = add_moment(self.moment, rows)
        self.total = self.total + rows.sum(0)
        self.tokens += rows.shape[0]
