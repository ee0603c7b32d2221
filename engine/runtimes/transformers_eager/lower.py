"""Building for Transformers: the checkpoint itself, hard-linked."""

from __future__ import annotations

from pathlib import Path

from engine.checkpoint.inspect import inspect
from engine.recipe.recipe import Target
from engine.runtimes.base import Artefact, BuildContext
from engine.runtimes.torch_family import dense_bytes, link_checkpoint


def build(context: BuildContext) -> Artefact:
    """Put the checkpoint in `context.destination`. Raises OSError when the disk refuses."""
    return link_checkpoint(context, dense_bytes(context.info), "transformers")


def describe(folder: Path) -> Artefact:
    """A plain checkpoint folder as an artefact of this runtime, nothing written. Raises UserError when it is none."""
    info = inspect(folder)
    return Artefact(runtime="transformers", task=info.task, target=Target(), weight_bytes=dense_bytes(info), files=())
