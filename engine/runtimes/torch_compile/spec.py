"""The torch.compile runtime as data."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from engine.checkpoint.info import CheckpointInfo, GridScheme
from engine.checkpoint.safety import needs_code
from engine.recipe.options import Options, option
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import Fix, Problem, retarget, set_options
from engine.runtimes.base import Availability, RuntimeSpec
from engine.runtimes.torch_family import TASKS, dense_bytes, grid_note, torch_availability

BITS = {"bfloat16": 16, "float16": 16, "float32": 32}
COMPILER_BYTES = 1 << 30  # an estimate: the C++ compiler and the code that it is given


class TorchCompileOptions(Options):
    """How torch.compile translates the model."""

    precision: Literal["automatic", "bfloat16", "float16", "float32"] = option(
        "automatic",
        "Precision",
        "The number format to compute in; automatic keeps the checkpoint's own. bfloat16 halves the memory to read.",
    )
    integers: bool = option(
        False,
        "Keep integers",
        "Decode from the checkpoint's 8-bit weights instead of unpacking them; needs torchao, bfloat16, a scale a row.",
    )
    context: int = option(
        1024,
        "Longest text",
        "Prompt and answer together may be this long, in an encoder-decoder each; memory and time a token grow with "
        "it.",
        unit="tokens",
        ge=64,
        le=131072,
    )
    mode: Literal["default", "reduce-overhead", "max-autotune"] = option(
        "default",
        "Mode",
        "reduce-overhead replays CUDA graphs; max-autotune tries many kernels and compiles much longer.",
        advanced=True,
    )


@cache
def availability() -> Availability:
    """torch.compile needs torch, a C++ compiler, Python's headers, and on CUDA Triton."""
    torch = torch_availability()
    if not torch.usable:
        return torch
    compiler = os.environ.get("CXX") or {"win32": "cl", "darwin": "clang++"}.get(sys.platform, "g++")
    if shutil.which(compiler) is None:
        remedy = {
            "win32": "Install the “Desktop development with C++” workload of Visual Studio Build Tools.",
            "darwin": "Run “xcode-select --install” in a terminal.",
        }.get(sys.platform, "Install it: “sudo apt install g++” on Debian and Ubuntu.")
        return Availability(
            False, version=torch.version, reason=f"no C++ compiler ({compiler}) was found.", remedy=remedy
        )
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return Availability(
            False,
            version=torch.version,
            reason="Python's header files are missing.",
            remedy="Install them: “sudo apt install python3-dev” on Debian and Ubuntu.",
        )
    if importlib.util.find_spec("triton") is None:
        return replace(torch, devices=("cpu",))
    return torch


def _check(info: CheckpointInfo, options: TorchCompileOptions, target: Target) -> Iterator[Problem]:
    if target.split != "none":

        def unsplit(recipe: Recipe) -> Recipe:
            return recipe.model_copy(update={"target": recipe.target.model_copy(update={"split": "none"})})

        yield Problem(
            None, "stop", f"{SPEC.title} cannot split a model over several GPUs.", Fix("Do not split", unsplit)
        )
    if needs_code(info.config, info.architecture):
        yield Problem(
            None,
            "stop",
            f"{SPEC.title} does not translate an architecture that is the checkpoint's own code.",
            Fix("Use Transformers", lambda recipe: retarget(recipe, runtime="transformers", options={})),
        )
    if options.integers:
        yield from _integer_problems(info, options)
    if options.mode == "reduce-overhead" and target.device == "cpu":
        yield Problem(
            None,
            "note",
            "reduce-overhead works through CUDA graphs and changes nothing on the CPU.",
            Fix("Use the default mode", lambda recipe: set_options(recipe, None, mode="default")),
        )
    if not options.integers:
        yield from _notes(info, target)


def _integer_problems(info: CheckpointInfo, options: TorchCompileOptions) -> Iterator[Problem]:
    """What stands against keeping integers: torchao's tensor holds one scale a row without zero points exactly, and
    the compiler's int8 kernel reads bfloat16 activations."""
    without = Fix("Unpack the integers", lambda recipe: set_options(recipe, None, integers=False))
    if importlib.util.find_spec("torchao") is None:
        yield Problem(None, "stop", "Keeping integers needs torchao: run “pip install hasten[torchao]”.", without)
    if info.task != "text-generation":
        yield Problem(None, "stop", "Keeping integers is for models that continue texts.", without)
    elif not kept_modules(info.grids):

        def by_row(recipe: Recipe) -> Recipe:
            for index, entry in enumerate(recipe.passes):
                if entry.name == "quantize":
                    recipe = set_options(recipe, index, group_size="row", symmetric=True)
            return recipe

        text = "torchao keeps integers with one scale a row and no zero points, and the checkpoint has none such."
        yield Problem(None, "stop", text, Fix("Quantise with one scale a row", by_row) if info.grids else without)
    if options.precision != "bfloat16":
        yield Problem(
            None,
            "stop",
            "The compiler's kernel for 8-bit weights computes in bfloat16.",
            Fix("Use bfloat16", lambda recipe: set_options(recipe, None, precision="bfloat16")),
        )


def kept_modules(grids: Iterable[GridScheme]) -> frozenset[str]:
    """The linear layers whose integers torchao's tensor holds exactly."""
    return frozenset(
        module
        for scheme in grids
        if scheme.symmetric and scheme.group_size is None
        for module in scheme.modules
        if "layers." in module or ".h." in module  # not embedding and head, nor names without the class's prefix
    )


def weight_bytes(info: CheckpointInfo, options: TorchCompileOptions) -> int:
    """Bytes of weights that a build of this layout reads."""
    total = dense_bytes(info, BITS.get(options.precision))
    if not options.integers:
        return total
    kept = kept_modules(info.grids)
    bits = {module: scheme.bits for scheme in info.grids for module in scheme.modules}
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        if leaf == "weight_packed" and module in kept:  # bfloat16 becomes one byte, and two a row for its scale
            total += 2 * tensor.shape[0] - tensor.elements * 32 // bits[module]
    return total


def _notes(info: CheckpointInfo, target: Target) -> Iterable[Problem]:
    return grid_note(info, target.model_copy(update={"split": "none"}), SPEC.title)


SPEC = RuntimeSpec(
    name="torch_compile",
    title="torch.compile",
    summary="The Transformers model translated into fused machine code: a minute to open, then faster.",
    options=TorchCompileOptions,
    availability=availability,
    check=_check,
    build="engine.runtimes.torch_compile.lower:build",
    open="engine.runtimes.torch_compile.session:open_session",
    tasks=TASKS | {"text2text-generation"},
    # the model, the packed copy that decoding keeps of it, and the compiler itself
    peak_bytes=lambda info, options: 2 * dense_bytes(info, BITS.get(options.precision)) + COMPILER_BYTES,
    artefact_bytes=lambda info, options: info.bytes,
    weight_bytes=weight_bytes,
)
