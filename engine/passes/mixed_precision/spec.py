"""What the mixed precision pass offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from engine.calibration.options import CalibrationOptions, activation_bytes
from engine.checkpoint.info import EVERY_TASK, CheckpointInfo, TensorHeader
from engine.checkpoint.limits import SHARD_BYTES
from engine.checkpoint.precision import FLOATS, Precision
from engine.passes.base import PassSpec
from engine.passes.targets import largest_block_bytes, largest_bytes, matches, module_of
from engine.recipe.options import option
from engine.recipe.validate import Fix, Problem, set_options, without


class MixedPrecisionOptions(CalibrationOptions):
    """Which float type each module is stored and computed in."""

    dtype: Literal["bfloat16", "float16", "float32"] = option(
        "bfloat16",
        "Number format",
        "bfloat16 keeps the range of float32 and halves the size; float16 is finer but overflows beyond 65,504.",
    )
    islands: bool = option(
        True,
        "Keep overflowing modules in float32",
        "Finds the modules whose weights or activations do not fit float16 and leaves them in float32.",
    )
    float32: tuple[str, ...] = option(
        (), "Keep in float32", "Patterns of modules that stay in float32, such as *norm*.", advanced=True
    )
    bfloat16: tuple[str, ...] = option((), "Use bfloat16 for", "Patterns of modules stored in bfloat16.", advanced=True)
    float16: tuple[str, ...] = option((), "Use float16 for", "Patterns of modules stored in float16.", advanced=True)


def by_pattern(info: CheckpointInfo, options: MixedPrecisionOptions) -> Precision:
    """The precision that the patterns ask for. The first of float32, bfloat16, float16 to match a module wins."""
    modules: dict[str, str] = {}
    for tensor in info.tensors:
        module = module_of(tensor)
        if not module:
            continue
        for dtype in ("float32", "bfloat16", "float16"):
            if matches(module, getattr(options, dtype)):
                modules[module] = dtype
                break
    return Precision(options.dtype, {module: dtype for module, dtype in modules.items() if dtype != options.dtype})


def uses_float16(info: CheckpointInfo, options: MixedPrecisionOptions) -> bool:
    """Whether some module would compute in float16."""
    precision = by_pattern(info, options)
    return "float16" in {precision.default, *precision.modules.values()}


def check(info: CheckpointInfo, options: MixedPrecisionOptions, index: int) -> Iterator[Problem]:
    """Refuse integer checkpoints; tell what plain Transformers makes of a mixture."""
    if info.grids:
        yield Problem(
            index,
            "stop",
            "The weights are integers already: choose the number format before quantising.",
            Fix("Remove this pass", without(index)),
        )
        return
    for dtype in ("float32", "bfloat16", "float16"):
        for pattern in getattr(options, dtype):
            if not any(matches(module_of(t), [pattern]) for t in info.tensors):
                clear = Fix("Remove the patterns", lambda r, name=dtype: set_options(r, index, **{name: []}))  # type: ignore[misc]
                yield Problem(index, "stop", f"No module matches “{pattern}”.", clear)
    if by_pattern(info, options).modules:
        yield Problem(
            index, "note",
            "Plain Transformers knows one number format: it will load this mixture exactly, but all in float32.",
        )  # fmt: skip
    if options.dtype == "float32" and all(t.dtype == "F32" for t in info.tensors) and not uses_float16(info, options):
        yield Problem(index, "note", "The model is in float32 already: this step changes nothing.")


def predict(info: CheckpointInfo, options: MixedPrecisionOptions) -> CheckpointInfo:
    """The layout in the chosen types. Islands that only measuring finds are not known here."""
    return layout(info, by_pattern(info, options))


def layout(info: CheckpointInfo, precision: Precision) -> CheckpointInfo:
    """`info` stored in `precision`."""
    return info.with_tensors(
        [_converted(tensor, precision) for tensor in info.tensors], config=precision.stored(info.config)
    )


def _converted(tensor: TensorHeader, precision: Precision) -> TensorHeader:
    if tensor.dtype not in ("F64", *FLOATS.values()):
        return tensor
    return tensor.model_copy(update={"dtype": FLOATS[precision.of(tensor.name)]})


def peak_bytes(info: CheckpointInfo, options: MixedPrecisionOptions) -> int:
    """One shard waiting to be written; while measuring, embedding, one layer and the activations in float32."""
    measuring = 0
    if options.islands and uses_float16(info, options):
        measuring = 2 * (largest_bytes(info) + largest_block_bytes(info)) + activation_bytes(info, options)
    return max(min(SHARD_BYTES, info.bytes) + 2 * largest_bytes(info), measuring)


def glyph(options: MixedPrecisionOptions) -> str:
    """“bf16”, “fp16 + fp32”."""
    short = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
    others = [short[d] for d in short if d != options.dtype and getattr(options, d)]
    return " + ".join([short[options.dtype], *others])


SPEC = PassSpec(
    name="mixed_precision",
    title="Number format",
    family="precision",
    summary="Stores and computes in 16 bits where that is safe, which halves the bytes that each token reads.",
    options=MixedPrecisionOptions,
    run="engine.passes.mixed_precision.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=glyph,
    tasks=EVERY_TASK,
    must_precede=frozenset({"quantize"}),
    needs=frozenset({"calibration"}),
    paper="Micikevicius et al. 2018, arXiv:1710.03740, section 3; bfloat16: Kalamkar et al. 2019, arXiv:1905.12322",
)
