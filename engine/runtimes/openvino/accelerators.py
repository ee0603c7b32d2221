"""What a recipe asks for that Intel's GPU or NPU cannot do, with the nearest thing that it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.checkpoint.info import CheckpointInfo
from engine.recipe.recipe import Target
from engine.recipe.validate import Fix, Problem, retarget, set_options
from engine.runtimes.refusals import quantize_fix, stop

_NPU_GROUP = 128  # weights that share a scale in the 4-bit grids that an NPU reads as they are, or else a whole row


def problems(info: CheckpointInfo, options: Any, target: Target) -> Iterator[Problem]:
    """What stops or limits `info` on the Intel device of `target`; `options` are the runtime's."""
    yield from _npu(info, options, target) if target.device == "intel-npu" else _gpu(info, options)


def _gpu(info: CheckpointInfo, options: Any) -> Iterator[Problem]:
    if options.precision == "bfloat16":
        automatic = Fix("Choose automatically", lambda r: set_options(r, None, precision="automatic"))
        yield stop("An Intel GPU computes in float16 or float32, not in bfloat16.", automatic)
    if options.kv_cache == "8-bit" and info.task == "text2text-generation":
        half = Fix("Keep 16 bits", lambda r: set_options(r, None, kv_cache="16-bit"))
        yield stop("On an Intel GPU, an encoder-decoder's keys and values cannot be kept in 8 bits.", half)


def _npu(info: CheckpointInfo, options: Any, target: Target) -> Iterator[Problem]:
    if info.task == "text2text-generation":
        to_cpu = Fix("Use the CPU", lambda r: retarget(r, device="cpu"))
        yield stop("An NPU's programs have fixed sizes; an encoder-decoder's answer grows.", to_cpu)
    if target.speculation != "none":
        off = Fix("Do not speculate", lambda r: retarget(r, speculation="none"))
        yield stop("An NPU appends one token at a time: guesses cannot be checked together.", off)
    own = {"accuracy": "automatic", "precision": "automatic", "kv_cache": "automatic"}
    if any(getattr(options, name) != value for name, value in own.items()):
        automatic = Fix("Choose automatically", lambda r: set_options(r, None, **own))
        yield stop("An NPU computes in float16 and keeps its cache in it: there is nothing to choose.", automatic)
    if any(not grid.symmetric or grid.group_size not in (None, _NPU_GROUP) for grid in info.grids):
        symmetric = Fix(
            "Quantise symmetrically, with one scale a row", quantize_fix(symmetric=True, group_size="row").apply
        )
        yield Problem(
            None,
            "note",
            "NPUs are made for symmetric integers with a scale for a row or for 128 weights: others may be slow.",
            symmetric,
        )
