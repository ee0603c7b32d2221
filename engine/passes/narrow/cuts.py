"""Which parts of which tensors belong to a unit (a neuron, a group of heads), and the layout without some. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.calibration.options import CalibrationOptions, activation_bytes, samples
from engine.checkpoint.info import CheckpointInfo, TensorHeader
from engine.checkpoint.limits import SHARD_BYTES
from engine.passes.targets import block_of, largest_block_bytes, largest_bytes
from engine.recipe.options import OnlyWith, option
from engine.recipe.validate import Fix, Problem, without

FLOATS = ("F64", "F32", "F16", "BF16")


class NarrowOptions(CalibrationOptions):
    """How what stays is adapted to what goes, and on which text that is measured."""

    compensate: bool = option(
        True,
        "Make up for what goes",
        "Adapt the weights that read the rest, so that each layer answers as before as nearly as it can.",
    )
    damping: float = option(
        0.01,
        "Damping",
        "How much weights that stay resist being adapted; more is safer when little text is shown.",
        advanced=True,
        gt=0.0,
        le=10.0,
    )
    samples: int = samples(64)

    only_with: ClassVar[OnlyWith] = {"damping": ("compensate", (True,))}


class Unknown(Exception):
    """Units cannot be told, or not be described in another number; the text says why, for the user."""


@dataclass(frozen=True)
class Slices:
    """Where the units lie in a tensor, one after another, in one or several parts.

    Attributes:
        axis: the axis that becomes shorter.
        parts: of each part its first row and the rows a unit has there.
    """

    axis: int
    parts: tuple[tuple[int, int], ...] = ((0, 1),)

    def rows(self, units: Sequence[int]) -> list[int]:
        """The rows along `axis` that `units` own, in the order in which they are stored."""
        return [start + unit * size + row for start, size in self.parts for unit in units for row in range(size)]

    def shorter(self, shape: Sequence[int], units: int) -> tuple[int, ...]:
        """`shape` where only `units` units are left."""
        length = units * sum(size for _, size in self.parts)
        return tuple(length if axis == self.axis else old for axis, old in enumerate(shape))


@dataclass(frozen=True)
class Cut:
    """Units of one layer, of which `kept` stay.

    Attributes:
        reader: the weight that reads what all the units make (“down”, or the attention's output).
        bias: the bias beside it, if it has one.
        units: how many there are; `size`: how many of the reader's inputs each of them makes.
        tensors: where the units lie in every tensor that becomes smaller, the reader's weight included.
    """

    reader: str
    bias: str | None
    units: int
    size: int
    kept: int
    tensors: Mapping[str, Slices]


def by_block(info: CheckpointInfo) -> dict[tuple[str, int], dict[str, TensorHeader]]:
    """The tensors of each numbered block, by their names behind the number."""
    blocks: dict[tuple[str, int], dict[str, TensorHeader]] = {}
    for tensor in info.tensors:
        if part := block_of(tensor.name):
            blocks.setdefault(part[:2], {})[part[2]] = tensor
    return blocks


def narrowed(info: CheckpointInfo, cuts: Sequence[Cut], config: dict[str, Any]) -> CheckpointInfo:
    """The layout after `cuts`, with `config`."""
    shorter = {name: (slices, cut.kept) for cut in cuts for name, slices in cut.tensors.items()}
    tensors = [
        tensor
        if tensor.name not in shorter
        else tensor.model_copy(update={"shape": shorter[tensor.name][0].shorter(tensor.shape, shorter[tensor.name][1])})
        for tensor in info.tensors
    ]
    return info.with_tensors(tensors, config=config)


def check_floats(info: CheckpointInfo, index: int) -> Iterator[Problem]:
    """Refuse weights that were rounded already."""
    packed = any(block_of(t.name) and len(t.shape) == 2 and t.dtype not in FLOATS for t in info.tensors)
    if info.grids or packed:
        yield Problem(
            index,
            "stop",
            "The weights are integers already: layers can be made narrower only before that.",
            Fix("Remove this pass", without(index)),
        )


def peak_bytes(info: CheckpointInfo, options: NarrowOptions, cuts: Sequence[Cut]) -> int:
    """One shard waiting to be written; while measuring, embedding, one layer and its activations in float32, and the
    widest layer's moments three times: whole, of what stays, and taken apart."""
    widest = max((cut.units * cut.size for cut in cuts), default=0)
    measuring = 2 * (largest_bytes(info) + largest_block_bytes(info)) + activation_bytes(info, options)
    return max(min(SHARD_BYTES, info.bytes), measuring + 3 * 8 * widest**2)


def with_values(config: dict[str, Any], values: Mapping[str, int], inside: str) -> dict[str, Any]:
    """`config` with `values`; in its part for text if that is where `inside` stands."""
    inner = config.get("text_config")
    if isinstance(inner, dict) and inner.get(inside) is not None:
        return {**config, "text_config": {**inner, **values}}
    return {**config, **values}
