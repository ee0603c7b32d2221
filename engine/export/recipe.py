"""The recipe of a run as a file."""

from __future__ import annotations

from engine.export.base import ExportContext
from engine.recipe.recipe import Recipe

FILE = "recipe.yaml"


def write(context: ExportContext) -> None:
    """Write the run's recipe as YAML and read it back."""
    context.destination.write_text(context.run.recipe.to_yaml(), encoding="utf-8")
    if Recipe.read(context.destination) != context.run.recipe:
        raise RuntimeError("the recipe written reads back differently")
