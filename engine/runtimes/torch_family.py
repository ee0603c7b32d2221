"""What the runtimes that compute with torch have in common, torch itself not imported: devices, notes, artefacts."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from engine.checkpoint.info import BESIDE_INTEGERS, DTYPE_BITS, CheckpointInfo, Task
from engine.links import checkpoint_files, link_or_copy
from engine.parallel.placement import gpus
from engine.recipe.recipe import Device, Recipe, Target
from engine.recipe.validate import Fix, Problem
from engine.runtimes.base import Artefact, Availability, BuildContext

TASKS: frozenset[Task] = frozenset(
    {"text-generation", "feature-extraction", "text-classification", "token-classification", "fill-mask"}
)


@cache
def torch_availability() -> Availability:
    """Whether torch and transformers are installed, and on which devices this torch computes here."""
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            return Availability(False, reason=f"{package} is not installed.", remedy="Run “python3 start.py setup”.")
    devices: tuple[Device, ...] = ("cpu", "cuda") if _cuda_build() and gpus() else ("cpu",)
    return Availability(True, devices, importlib.metadata.version("torch"))


def _cuda_build() -> bool:
    """Whether the installed torch carries its CUDA library."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    return any((Path(spec.origin).parent / "lib").glob("*torch_cuda*"))


def grid_note(info: CheckpointInfo, target: Target, title: str) -> Iterator[Problem]:
    """A note when the layout has integer weights, which torch models compute densely."""
    if info.grids:

        def use_onnx(recipe: Recipe) -> Recipe:
            changed = recipe.target.model_copy(update={"runtime": "onnxruntime", "options": {}})
            return recipe.model_copy(update={"target": changed})

        yield Problem(
            None,
            "note",
            f"{title} unpacks integer weights to floating point: the file is smaller, memory and speed stay as before.",
            Fix("Use ONNX Runtime", use_onnx),
        )
    if target.split == "balanced" and target.device != "cuda":
        yield Problem(
            None,
            "stop",
            "Splitting layers over GPUs needs the device CUDA.",
            Fix(
                "Do not split", lambda r: r.model_copy(update={"target": r.target.model_copy(update={"split": "none"})})
            ),
        )


def dense_bytes(info: CheckpointInfo, bits: int | None = None) -> int:
    """Bytes of the weights once packed grids are dense (in their scales' dtype), or with `bits` for every float."""
    dtypes = {tensor.name: tensor.dtype for tensor in info.tensors}
    grids = {module: grid.bits for grid in info.grids for module in grid.modules}
    total = 0
    for tensor in info.tensors:
        module, _, leaf = tensor.name.rpartition(".")
        if leaf == "weight_packed" and module in grids:
            width = bits or DTYPE_BITS[dtypes.get(f"{module}.weight_scale", "F32")]
            total += tensor.elements * 32 // grids[module] * width // 8
        elif module in grids and leaf in BESIDE_INTEGERS:
            continue
        elif bits and tensor.dtype in ("F64", "F32", "F16", "BF16"):
            total += tensor.elements * bits // 8
        else:
            total += tensor.bytes
    return total


def link_checkpoint(context: BuildContext, weight_bytes: int, runtime: str) -> Artefact:
    """Lay the checkpoint into the artefact's folder by hard links; the artefact is loadable as a checkpoint too."""
    files = list(checkpoint_files(context.source))
    for index, name in enumerate(files):
        context.step(index, len(files), str(name))
        link_or_copy(context.source / name, context.destination / name)
    return Artefact(
        runtime=runtime,
        task=context.info.task,
        target=context.target,
        weight_bytes=weight_bytes,
        files=tuple(name.as_posix() for name in files),
    )
