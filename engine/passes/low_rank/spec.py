"""What the low-rank pass offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from engine.calibration.options import CalibrationOptions, damping, samples
from engine.checkpoint.info import EVERY_TASK, CheckpointInfo, TensorHeader
from engine.checkpoint.limits import SHARD_BYTES
from engine.checkpoint.safety import needs_code
from engine.checkpoint.structure import MODEL_TYPE, low_rank, with_low_rank
from engine.passes.base import PassSpec
from engine.passes.low_rank.sizes import most_rank, rank_for_size
from engine.passes.targets import (
    chosen,
    has_experts,
    largest_bytes,
    linears,
    module_of,
    moment_bytes,
    stores_inputs_first,
    walk_bytes,
)
from engine.recipe.options import OnlyWith, option
from engine.recipe.validate import Fix, Problem, set_options, without


class LowRankOptions(CalibrationOptions):
    """How small the factors are, and what they keep."""

    only_with: ClassVar[OnlyWith] = {
        **dict.fromkeys((*CalibrationOptions.model_fields, "damping"), ("method", ("by text",))),
        "size": ("budget", ("size",)),
        "energy": ("budget", ("energy",)),
    }
    method: Literal["by text", "plain"] = option(
        "by text",
        "Method",
        "“by text” lets the model read one and keeps what its layers answer to it; “plain” needs no text and keeps "
        "what is largest in the weights.",
    )
    budget: Literal["size", "energy"] = option(
        "size",
        "Budget",
        "“size” makes every layer smaller by the same share; “energy” cuts each as far as it loses little.",
    )
    size: float = option(
        80.0,
        "Weights kept",
        "How many weights the two factors have, of the layer's own: fewer are less to read, and cost more quality.",
        unit="%", ge=1.0, le=99.0,
    )  # fmt: skip
    energy: float = option(
        99.0,
        "Energy kept",
        "The share of each layer's squared answers (or, plain, weights) that is kept; what needs too much stays whole.",
        unit="%", ge=1.0, le=99.999,
    )  # fmt: skip
    multiple: int = option(
        16,
        "In steps of",
        "Ranks are multiples of this, so that groups of a later rounding and processors' registers fit.",
        unit="columns", advanced=True, ge=1, le=1024,
    )  # fmt: skip
    damping: float = damping()
    samples: int = samples(64)
    include: tuple[str, ...] = option(
        (), "Only these layers", "Patterns such as *.mlp.*; left empty, every linear layer of every block is meant."
    )
    exclude: tuple[str, ...] = option((), "Leave out", "Patterns of layers that stay as they are.", advanced=True)


def selected(info: CheckpointInfo, options: LowRankOptions) -> list[TensorHeader]:
    """The weights that the pass may factor, without those of which headers tell that they stay whole."""
    return [t for t in _meant(info, options) if largest_rank(t, options) is not None]


def _meant(info: CheckpointInfo, options: LowRankOptions) -> list[TensorHeader]:
    """The chosen weights that are no factors yet."""
    factors = {f"{module}.{place}" for module in low_rank(info.config) for place in (0, 1)}
    modules = ((tensor, module_of(tensor)) for tensor in linears(info))
    return [t for t, module in modules if module not in factors and chosen(module, options.include, options.exclude)]


def largest_rank(tensor: TensorHeader, options: LowRankOptions) -> int | None:
    """The rank by the size budget, or the largest that an energy budget can lead to; None: the layer stays whole."""
    rows, columns = tensor.shape
    if options.budget == "size":
        return rank_for_size(rows, columns, options.size / 100, options.multiple)
    return most_rank(rows, columns) // options.multiple * options.multiple or None


def check(info: CheckpointInfo, options: LowRankOptions, index: int) -> Iterator[Problem]:
    """Refuse what has no layers to factor; tell that the result is of Hasten's own kind."""
    remove = Fix("Remove this pass", without(index))
    if needs_code(info.config, info.architecture):
        text = "The architecture is the checkpoint's own code, whose layers Hasten does not replace."
        yield Problem(index, "stop", text, remove)
    elif has_experts(info):
        yield Problem(index, "stop", f"{info.base_type} is a mixture of experts, which are not factored.", remove)
    elif not linears(info):
        yield Problem(index, "stop", "The weights are integers already: factors have to come before.", remove)
    elif not selected(info, options):
        yield _none(info, options, index)
    else:
        text = "The result opens in Hasten, on Transformers and torch.compile; exported as a checkpoint, it is merged."
        yield Problem(index, "note", text)


def _none(info: CheckpointInfo, options: LowRankOptions, index: int) -> Problem:
    every = options.model_copy(update={"include": (), "exclude": ()})
    if not _meant(info, every):
        return Problem(index, "stop", "Every layer is of low rank already.", Fix("Remove this pass", without(index)))
    if not _meant(info, options):
        choose = Fix("Choose all layers", lambda r: set_options(r, index, include=[], exclude=[]))
        return Problem(index, "stop", "No layer is chosen that is not of low rank already.", choose)
    if selected(info, options.model_copy(update={"multiple": 1})):
        finer = Fix("In steps of 1", lambda r: set_options(r, index, multiple=1))
        return Problem(index, "stop", f"In steps of {options.multiple}, no layer gets smaller.", finer)
    more = Fix("Keep 80 %", lambda r: set_options(r, index, size=80.0, multiple=1))
    return Problem(index, "stop", f"{options.size:g} % of the weights are too few for any layer.", more)


def predict(info: CheckpointInfo, options: LowRankOptions) -> CheckpointInfo:
    """The layout with two factors for every chosen layer. By energy, as large as the factors can get."""
    ranks = {module_of(t): _foreseen(t, options) for t in selected(info, options)}
    tensors: list[TensorHeader] = []
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        rank = ranks.get(module)
        if rank is None:
            tensors.append(tensor)
        elif leaf == "weight":
            tensors += factor_headers(tensor, rank, stores_inputs_first(info))
        else:
            tensors.append(tensor.model_copy(update={"name": f"{module}.1.{leaf}"}))
    config = with_low_rank(info.config, {**low_rank(info.config), **ranks})
    return info.with_tensors(tensors, config=config, model_type=MODEL_TYPE)


def _foreseen(tensor: TensorHeader, options: LowRankOptions) -> int:
    rank = largest_rank(tensor, options)
    assert rank is not None
    # by energy nobody knows: nothing that follows may rely on more than the step dividing the rank
    odd = options.budget == "size" or rank == options.multiple or rank // options.multiple % 2
    return rank if odd else rank - options.multiple


def factor_headers(tensor: TensorHeader, rank: int, inputs_first: bool) -> list[TensorHeader]:
    """The headers of the two factors of `tensor`, [out, in] or [in, out]."""
    first, second = (rank, tensor.shape[1]), (tensor.shape[0], rank)
    if inputs_first:
        first, second = (tensor.shape[0], rank), (rank, tensor.shape[1])
    module = module_of(tensor)
    return [
        tensor.model_copy(update={"name": f"{module}.{place}.weight", "shape": shape})
        for place, shape in enumerate((first, second))
    ]


def peak_bytes(info: CheckpointInfo, options: LowRankOptions) -> int:
    """One shard waiting to be written, and the largest weight with what it is decomposed into, in float64.

    With calibration text, what a walk needs as well, and the second moments of inputs with their roots.
    """
    targets = selected(info, options)
    largest = max((t.elements for t in targets), default=0)
    peak = min(SHARD_BYTES, info.bytes) + largest_bytes(info) + 8 * 8 * largest
    if options.method == "plain":
        return peak
    axis = 0 if stores_inputs_first(info) else 1
    return peak + moment_bytes({t.shape[axis] for t in targets}) + walk_bytes(info, options)


def glyph(options: LowRankOptions) -> str:
    """“80 % of the weights”, “99 % energy plain”."""
    kept = f"{options.size:g} % of the weights" if options.budget == "size" else f"{options.energy:g} % energy"
    return f"{kept} plain" if options.method == "plain" else kept


SPEC = PassSpec(
    name="low_rank",
    title="Low rank",
    family="factor",
    summary="Replaces each large matrix by two thin ones: fewer weights to store, to read and to multiply by.",
    options=LowRankOptions,
    run="engine.passes.low_rank.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=glyph,
    tasks=EVERY_TASK,
    must_precede=frozenset({"prune", "smooth", "quantize"}),
    needs=frozenset({"calibration"}),
    keeps_plain=False,
    repeatable=True,
    paper="Plain: Eckart & Young 1936; by text: SVD-LLM: Wang et al. 2024, arXiv:2403.07378, section 3.1",
)
