"""The Transformers runtime as data."""

from __future__ import annotations

from collections.abc import Iterable

from engine.checkpoint.info import CheckpointInfo
from engine.recipe.options import Options
from engine.recipe.recipe import Target
from engine.recipe.validate import Problem
from engine.runtimes.base import RuntimeSpec
from engine.runtimes.torch_family import TASKS, dense_bytes, grid_note, torch_availability


class TransformersOptions(Options):
    """Nothing to choose: the baseline runs a checkpoint as it is."""


def _check(info: CheckpointInfo, options: TransformersOptions, target: Target) -> Iterable[Problem]:
    return grid_note(info, target, SPEC.title)


SPEC = RuntimeSpec(
    name="transformers",
    title="Transformers",
    summary="The model as its authors published it, run by Transformers in its own precision: the baseline.",
    options=TransformersOptions,
    availability=torch_availability,
    check=_check,
    build="engine.runtimes.transformers_eager.lower:build",
    open="engine.runtimes.transformers_eager.session:open_session",
    tasks=TASKS | {"text2text-generation"},
    peak_bytes=lambda info, options: 0,  # files are linked, no weight is read
    artefact_bytes=lambda info, options: info.bytes,
    weight_bytes=lambda info, options: dense_bytes(info),
    profile="engine.runtimes.transformers_eager.profile:open_profiled",
)
