"""What the quantize pass offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from engine.calibration.options import ANSWERS_IN_MEMORY, CalibrationOptions, activation_bytes, damping, samples
from engine.checkpoint.info import EVERY_TASK, CheckpointInfo, GridScheme, TensorHeader
from engine.checkpoint.limits import SHARD_BYTES
from engine.grid.scheme import loads_plain, with_grids
from engine.passes.base import PassSpec
from engine.passes.targets import (
    chosen,
    embedding_and_head,
    has_experts,
    largest_bytes,
    linears,
    module_of,
    moment_bytes,
    stores_inputs_first,
    walk_bytes,
    walked_block_bytes,
)  # fmt: skip
from engine.recipe.options import OnlyWith, option
from engine.recipe.validate import Fix, Problem, set_options, without

GROUPS = (128, 64, 32, 16)
GridKind = Literal["symmetric", "asymmetric", "float_offset"]


class QuantizeOptions(CalibrationOptions):
    """How weights are rounded to integers."""

    only_with: ClassVar[OnlyWith] = {
        **dict.fromkeys(CalibrationOptions.model_fields, ("method", ("clip", "gptq", "awq", "autoround"))),
        **dict.fromkeys(("act_order", "damping"), ("method", ("gptq",))),
        "steps": ("method", ("autoround",)),
    }
    bits: Literal[8, 4] = option(
        8, "Bits", "8 bits keep the answers almost unchanged; 4 bits halve the size again and cost some quality."
    )
    group_size: Literal["row", 16, 32, 64, 128] = option(
        32,
        "Weights per scale",
        "How many weights share one scale: smaller groups are more accurate and a little larger; “row” is one per row.",
    )
    symmetric: bool = option(
        True,
        "Symmetric",
        "Centre the integers on zero; switched off, each group also stores an offset, which helps most at 4 bits.",
    )
    offsets: Literal["integer", "float"] = option(
        "integer",
        "Offsets",
        "Of asymmetric groups: integers, which most runtimes hold, or numbers of their own, closer, for llama.cpp and "
        "OpenVINO; a head in 4 bits gets these too.",
        advanced=True,
    )
    head: Literal["keep", 8, 4] = option(
        "keep",
        "Embedding and output head",
        "Bits for the vocabulary table, a large share of small models; “keep” leaves it as it is.",
    )
    method: Literal["nearest", "clip", "gptq", "awq", "autoround"] = option(
        "nearest",
        "Rounding",
        "“nearest” needs no text; the others let the model read one and round so that its answers change less; "
        "“autoround” learns how, which takes longest.",
    )
    act_order: bool = option(
        True,
        "Busiest inputs first",
        "Rounds the weights that meet the largest activations first, while the most others can make up for them.",
        advanced=True,
    )
    damping: float = damping()
    steps: int = option(
        100,
        "Steps of learning",
        "How often each block's rounding is improved: more steps answer a little more closely and take longer.",
        advanced=True, ge=0, le=2000,
    )  # fmt: skip
    samples: int = samples(64)
    include: tuple[str, ...] = option(
        (), "Only these layers", "Patterns such as *.mlp.*; left empty, every linear layer of every block is rounded."
    )
    exclude: tuple[str, ...] = option(
        (), "Leave out", "Patterns of layers that stay in floating point, such as *.down_proj.", advanced=True
    )

    @property
    def kind(self) -> GridKind:
        """What offsets the linear layers' groups have."""
        if self.symmetric:
            return "symmetric"
        return "float_offset" if self.offsets == "float" else "asymmetric"

    @property
    def head_kind(self) -> GridKind:
        """What offsets the groups of embedding and head have: floats at 4 bits, where they help, otherwise none."""
        return "float_offset" if self.kind == "float_offset" and self.head == 4 else "symmetric"

    @property
    def group(self) -> int | None:
        """The group size; None is one scale per row."""
        return None if self.group_size == "row" else self.group_size


def selected(info: CheckpointInfo, options: QuantizeOptions) -> list[TensorHeader]:
    """The linear weights that the pass packs."""
    return [t for t in linears(info) if chosen(module_of(t), options.include, options.exclude)]


def head_tensors(info: CheckpointInfo, options: QuantizeOptions) -> list[TensorHeader]:
    """The embedding and head that the pass rounds in place."""
    return [] if options.head == "keep" else embedding_and_head(info)


def schemes(info: CheckpointInfo, options: QuantizeOptions) -> tuple[list[GridScheme], GridScheme | None]:
    """The packed schemes after the pass, and that of embedding and head (None: floating point)."""
    on_side = {module_of(t) for t in embedding_and_head(info)}
    packed = [scheme for scheme in info.grids if not on_side & set(scheme.modules)]
    head = next((scheme for scheme in info.grids if on_side & set(scheme.modules)), None)
    modules = tuple(sorted(module_of(t) for t in selected(info, options)))
    if modules:
        new = GridScheme(
            bits=options.bits, group_size=options.group, symmetric=options.symmetric,
            float_offset=options.kind == "float_offset", modules=modules,
        )  # fmt: skip
        for index, scheme in enumerate(packed):
            if scheme == new.model_copy(update={"modules": scheme.modules}):
                packed[index] = scheme.model_copy(update={"modules": tuple(sorted(scheme.modules + modules))})
                break
        else:
            packed.append(new)
    if options.head != "keep" and (tensors := embedding_and_head(info)):
        names = tuple(sorted(module_of(t) for t in tensors))
        offset = options.head_kind == "float_offset"
        head = GridScheme(
            bits=options.head, group_size=options.group, symmetric=not offset, float_offset=offset, modules=names
        )
    return packed, head


def check(info: CheckpointInfo, options: QuantizeOptions, index: int) -> Iterator[Problem]:
    """Refuse what cannot be stored or loaded; tell what plain Transformers will not read."""
    away = Fix("Remove this pass", without(index))
    if stores_inputs_first(info):
        text = f"{info.base_type} stores its layers as Conv1D, which the packed format cannot hold."
        yield Problem(index, "stop", text, away)
        return
    if has_experts(info):
        text = f"{info.base_type} is a mixture of experts, whose experts cannot be packed."
        yield Problem(index, "stop", text, away)
        return
    targets = selected(info, options)
    heads = head_tensors(info, options)
    if not targets and not heads:
        if linears(info):
            every = Fix("Choose all layers", lambda r: set_options(r, index, include=[], exclude=[]))
            yield Problem(index, "stop", "No layer is chosen.", every)
        else:
            text = "No layer is left to quantise: they are on integers already."
            yield Problem(index, "stop", text, Fix("Remove this pass", without(index)))
        return
    if any(module_of(t) in scheme.modules for scheme in info.grids for t in heads):
        keep = Fix("Leave them as they are", lambda r: set_options(r, index, head="keep"))
        yield Problem(index, "stop", "Embedding and output head are on integers already.", keep)
    yield from _check_groups([*targets, *heads], options, index)
    if options.symmetric and options.offsets == "float":
        integer = Fix("Make it asymmetric", lambda r: set_options(r, index, symmetric=False))
        yield Problem(index, "note", "Symmetric groups have no offsets.", integer)
    packed, _ = schemes(info, options)
    if any(scheme.float_offset for scheme in packed):
        text = "A grid with float offsets loads in Hasten only; an export as checkpoint is written in floating point."
        yield Problem(index, "note", text)
    elif loads_plain(packed) and not loads_plain(packed, info.base_type):
        text = f"Several grids of a {info.base_type} model load in Hasten only; an export is written in floating point."
        yield Problem(index, "note", text)
    elif not loads_plain(packed):
        yield Problem(
            index, "note",
            "Several grids of which one is asymmetric load in Hasten only; an export is written in floating point.",
            Fix("Make this one symmetric", lambda r: set_options(r, index, symmetric=True)),
        )  # fmt: skip


def _check_groups(targets: list[TensorHeader], options: QuantizeOptions, index: int) -> Iterator[Problem]:
    group = options.group
    if group is None:
        return
    wrong = [t for t in targets if t.shape[1] % group]
    if not wrong:
        return
    first = min(wrong, key=lambda t: t.shape[1])
    best = next((g for g in GROUPS if all(t.shape[1] % g == 0 for t in targets)), None)
    label = f"Use groups of {best}" if best else "Use one scale per row"
    yield Problem(
        index, "stop",
        f"Groups of {group} do not divide the width {first.shape[1]} of {module_of(first)}.",
        Fix(label, lambda r: set_options(r, index, group_size=best or "row")),
    )  # fmt: skip


def predict(info: CheckpointInfo, options: QuantizeOptions) -> CheckpointInfo:
    """The layout with the chosen weights packed."""
    targets = {t.name for t in selected(info, options)}
    tensors: list[TensorHeader] = []
    for tensor in info.tensors:
        tensors += packed_headers(tensor, options) if tensor.name in targets else [tensor]
    packed, head = schemes(info, options)
    grids = (*packed, *([head] if head else []))
    return info.with_tensors(tensors, grids=grids, config=with_grids(info.config, packed, head))


def packed_headers(tensor: TensorHeader, options: QuantizeOptions) -> list[TensorHeader]:
    """The headers that dense weight `tensor` [out, in] becomes."""
    rows, columns = tensor.shape
    groups = columns // (options.group or columns)
    module = module_of(tensor)

    def header(leaf: str, dtype: str, *shape: int) -> TensorHeader:
        return TensorHeader(name=f"{module}.{leaf}", dtype=dtype, shape=shape, file=tensor.file)

    headers = [
        header("weight_packed", "I32", rows, -(-columns * options.bits // 32)),
        header("weight_scale", tensor.dtype, rows, groups),
        header("weight_shape", "I64", 2),
    ]
    if options.kind == "float_offset":
        headers.append(header("weight_minimum", tensor.dtype, rows, groups))
    elif options.kind == "asymmetric":
        headers.append(header("weight_zero_point", "I32", -(-rows * options.bits // 32), groups))
    return headers


def peak_bytes(info: CheckpointInfo, options: QuantizeOptions) -> int:
    """One shard waiting to be written, and the largest weight about five times in float32 while it is rounded.

    With calibration text, embedding, one layer and its activations in float32 as well; and what every width of input
    needs: its second moments, for GPTQ their factor too. AWQ keeps a layer as it was; AutoRound learns all of one at
    once, which takes six times its size for what is learnt, rounded and gradients, and what it was called with.
    """
    targets = selected(info, options)
    largest = max((t.elements for t in [*targets, *head_tensors(info, options)]), default=0)
    rounding = min(SHARD_BYTES, info.bytes) + largest_bytes(info) + 5 * 4 * largest
    if options.method == "nearest":
        return rounding
    walk = walk_bytes(info, options)
    if options.method == "awq":
        walk += walked_block_bytes(info)
    if options.method == "autoround":
        walk += 6 * walked_block_bytes(info) + ANSWERS_IN_MEMORY + activation_bytes(info, options)
    return rounding + moment_bytes(t.shape[1] for t in targets) + walk


def glyph(options: QuantizeOptions) -> str:
    """“int4 / 32”, “int4 / 32 gptq”."""
    method = "" if options.method == "nearest" else f" {options.method}"
    return f"int{options.bits} / {options.group_size}{method}"


SPEC = PassSpec(
    name="quantize",
    title="Quantize",
    family="quantize",
    summary="Rounds weights to 8 or 4 bits, so that each token reads a quarter or an eighth of the bytes.",
    options=QuantizeOptions,
    run="engine.passes.quantize.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=glyph,
    tasks=EVERY_TASK,
    needs=frozenset({"calibration"}),
    repeatable=True,
    version=2,
    paper="Round to nearest: Jacob et al. 2018, arXiv:1712.05877, section 2.1; clip: Nagel et al. 2021, "
    "arXiv:2106.08295, section 3.1; GPTQ: Frantar et al. 2022, arXiv:2210.17323; AWQ: Lin et al. 2023, "
    "arXiv:2306.00978, section 3.2; AutoRound: Cheng et al. 2023, arXiv:2309.05516, section 3",
)
