"""The llama.cpp runtime as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from engine.checkpoint.info import CheckpointInfo
from engine.gguf.architectures import head_width, refusal
from engine.gguf.kinds import BLOCK, file_bytes, misfits, weight_bytes
from engine.recipe.options import Options, option
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import Fix, Problem, retarget, set_options
from engine.runtimes.base import RuntimeSpec
from engine.runtimes.llamacpp.availability import availability
from engine.runtimes.llamacpp.limits import REQUANTISED, SUPERBLOCK
from engine.runtimes.original import asking_bytes
from engine.runtimes.refusals import stop


class LlamaCppOptions(Options):
    """How llama.cpp keeps keys and values, computes attention, and whether it quantises."""

    kv_cache: Literal["automatic", "f16", "f32", "q8_0"] = option(
        "automatic",
        "Key-value cache",
        "What keys and values are kept in: f32 rounds nothing, q8_0 takes half of f16's memory, which long texts need; "
        "automatic is f16, or f32 where guessing ahead needs it.",
    )
    attention: Literal["automatic", "flash", "plain"] = option(
        "automatic",
        "Attention",
        "Flash computes attention in one fused step, plain in several; automatic measures both when it builds.",
        advanced=True,
    )
    requantise: Literal["no", "Q4_K_M", "Q5_K_M", "Q6_K"] = option(
        "no",
        "Quantise with llama.cpp",
        "Rounds a floating-point checkpoint by llama.cpp's own method instead of a Quantize pass.",
    )


def _check(info: CheckpointInfo, options: LlamaCppOptions, target: Target) -> Iterable[Problem]:
    if limits := availability().limits:
        yield stop(limits)
    if target.split == "balanced":
        yield stop("llama.cpp runs on the CPU here.", Fix("Do not split", lambda r: retarget(r, split="none")))
    why = "llama.cpp runs decoders only here." if info.task != "text-generation" else refusal(info)
    if why:
        to_transformers = Fix("Use Transformers", lambda r: retarget(r, runtime="transformers", options={}))
        yield stop(why, to_transformers)
        return
    if options.kv_cache in ("f32", "q8_0"):
        yield from _unsupported_cache(info, options)
    if options.requantise != "no" and info.grids:
        yield stop(
            "The weights are integers already: llama.cpp would round them a second time.",
            Fix("Keep these integers", lambda r: set_options(r, None, requantise="no")),
        )
    yield from _misfits(info)


def _unsupported_cache(info: CheckpointInfo, options: LlamaCppOptions) -> Iterator[Problem]:
    to_llamacpp = Fix("Leave attention to llama.cpp", lambda r: set_options(r, None, attention="automatic"))
    if options.kv_cache == "f32":
        if options.attention == "flash":
            yield stop("Flash attention would round a cache in f32 to f16.", to_llamacpp)
        return
    if options.attention == "plain":
        yield stop("Plain attention cannot read a cache in q8_0.", to_llamacpp)
    width = head_width(info.config)
    if width is not None and width % BLOCK:
        yield stop(
            f"A cache in q8_0 holds heads of a multiple of {BLOCK} numbers, not {width}.",
            Fix("Keep the cache in f16", lambda r: set_options(r, None, kv_cache="f16")),
        )


def _misfits(info: CheckpointInfo) -> Iterator[Problem]:
    for why, count in misfits(info).items():
        layers = "one layer" if count == 1 else f"{count} layers"
        group = {"symmetric": True} if "offsets" in why else {"group_size": 32}
        fix = Fix("Make them symmetric" if "offsets" in why else "Use groups of 32", _quantize(**group))
        yield Problem(None, "note", f"llama.cpp gets plain numbers instead of integers in {layers}: {why}.", fix)


def _quantize(**values: object) -> Callable[[Recipe], Recipe]:
    """An edit of every quantize card."""

    def apply(recipe: Recipe) -> Recipe:
        for index, entry in enumerate(recipe.passes):
            if entry.name == "quantize":
                recipe = set_options(recipe, index, **values)
        return recipe

    return apply


def _weight_bytes(info: CheckpointInfo, options: LlamaCppOptions) -> int:
    if options.requantise == "no":
        return weight_bytes(info)
    _, whole, other = REQUANTISED[options.requantise]
    matrices = [tensor for tensor in info.tensors if len(tensor.shape) > 1]
    return int(sum(t.elements * (other if t.shape[-1] % SUPERBLOCK else whole) / 8 for t in matrices))


def _artefact_bytes(info: CheckpointInfo, options: LlamaCppOptions) -> int:
    return _weight_bytes(info, options) + file_bytes(info) - weight_bytes(info)


def _peak_bytes(info: CheckpointInfo, options: LlamaCppOptions) -> int:
    """The mapped file, the blocks that llama.cpp rearranges, and what asking the original takes."""
    return asking_bytes(info) + 2 * _weight_bytes(info, options)


SPEC = RuntimeSpec(
    name="llamacpp",
    title="llama.cpp",
    summary="One GGUF file with the same 8- or 4-bit weights, which every program built on llama.cpp opens too.",
    options=LlamaCppOptions,
    availability=availability,
    check=_check,
    build="engine.runtimes.llamacpp.lower:build",
    open="engine.runtimes.llamacpp.session:open_session",
    tasks=frozenset({"text-generation"}),
    peak_bytes=_peak_bytes,
    artefact_bytes=_artefact_bytes,
    weight_bytes=_weight_bytes,
    extra="llamacpp",
)
