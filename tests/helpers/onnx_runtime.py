"""Build ONNX Runtime artefacts the short way: passes and builder called in turn, no run store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.catalogue import load
from engine.checkpoint.inspect import inspect
from engine.passes import catalog as passes
from engine.passes.base import PassContext
from engine.recipe import presets
from engine.recipe.options import parse_options
from engine.recipe.recipe import Recipe, Target
from engine.runtimes import catalog as runtimes
from engine.runtimes.base import BuildContext
from engine.runtimes.open import SILENT, write_artefact


def build_preset(checkpoint: Path, preset: str, scratch: Path) -> Path:
    """`checkpoint` through preset `preset`; the artefact's folder, inside `scratch`."""
    return build_recipe(checkpoint, presets.get(preset).recipe, scratch)


def quantized(checkpoint: Path, scratch: Path, **options: Any) -> Path:
    """`checkpoint` through the quantize pass; the new checkpoint's folder, inside `scratch`."""
    return run_pass(checkpoint, "quantize", options, scratch / f"stage-{len(list(scratch.iterdir()))}")


def run_pass(checkpoint: Path, name: str, options: dict[str, Any], destination: Path) -> Path:
    """`checkpoint` through pass `name` into `destination`, which is made."""
    spec = passes.get(name)
    destination.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        load(spec.run)(
            PassContext(
                step=SILENT.step, notice=SILENT.notice, source=checkpoint, destination=destination,
                info=inspect(checkpoint), options=parse_options(spec.options, options, name), scratch=Path(scratch),
            )
        )  # fmt: skip
    return destination


def build(
    checkpoint: Path,
    scratch: Path,
    target: Target | None = None,
    *,
    step: Callable[[float, float, str], None] = SILENT.step,
    **options: Any,
) -> Path:
    """`checkpoint` built for ONNX Runtime with these runtime options; the artefact's folder, inside `scratch`."""
    target = target or Target(runtime="onnxruntime", options=options)
    spec = runtimes.get(target.runtime)
    destination = scratch / f"built-{len(list(scratch.iterdir()))}"
    destination.mkdir()
    artefact = load(spec.build)(
        BuildContext(
            step=step, notice=SILENT.notice, source=checkpoint, destination=destination,
            info=inspect(checkpoint), target=target,
            options=parse_options(spec.options, target.options, target.runtime),
        )
    )  # fmt: skip
    write_artefact(destination, artefact)
    return destination


def build_recipe(checkpoint: Path, recipe: Recipe, scratch: Path) -> Path:
    """`checkpoint` through all of `recipe`; the artefact's folder, inside `scratch`."""
    for index, entry in enumerate(recipe.active):
        checkpoint = run_pass(checkpoint, entry.name, entry.options, scratch / f"pass-{index}")
    return build(checkpoint, scratch, recipe.target)
