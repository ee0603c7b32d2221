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

from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.safety import needs_code
from engine.recipe.options import Options, option
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import Fix, Problem, set_options
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
    context: int = option(
        1024,
        "Longest text",
        "Prompt and answer together may be this long; memory and time a token grow with it.",
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
    if info.task == "text2text-generation":
        yield Problem(
            None,
            "stop",
            f"{SPEC.title} keeps one cache of a fixed length, and an encoder-decoder needs a second for the prompt.",
            Fix("Use ONNX Runtime", lambda recipe: _retargeted(recipe, "onnxruntime")),
        )
    if needs_code(info.config, info.architecture):
        yield Problem(
            None,
            "stop",
            f"{SPEC.title} does not translate an architecture that is the checkpoint's own code.",
            Fix("Use Transformers", lambda recipe: _retargeted(recipe, "transformers")),
        )
    if options.mode == "reduce-overhead" and target.device == "cpu":
        yield Problem(
            None,
            "note",
            "reduce-overhead works through CUDA graphs and changes nothing on the CPU.",
            Fix("Use the default mode", lambda recipe: set_options(recipe, None, mode="default")),
        )
    yield from _notes(info, target)


def _retargeted(recipe: Recipe, runtime: str) -> Recipe:
    target = recipe.target.model_copy(update={"runtime": runtime, "options": {}})
    return recipe.model_copy(update={"target": target})


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
    tasks=TASKS,
    # the model, the packed copy that decoding keeps of it, and the compiler itself
    peak_bytes=lambda info, options: 2 * dense_bytes(info, BITS.get(options.precision)) + COMPILER_BYTES,
    artefact_bytes=lambda info, options: info.bytes,
    weight_bytes=lambda info, options: dense_bytes(info, BITS.get(options.precision)),
)
