"""A run's checkpoint with the zeros of its weights left out."""

from __future__ import annotations

from engine.checkpoint.zeros import compact
from engine.compare.format import format_bytes
from engine.export.base import ExportContext
from engine.export.recipe import FILE


def write(context: ExportContext) -> None:
    """Fill the destination and read it back. Raises UserError where hardly any weight is zero, OSError when the disk
    refuses."""
    before, after = compact(context.run.checkpoint_folder, context.destination, context)
    context.notice(f"{format_bytes(before)} of weights became {format_bytes(after)}. Hasten opens the folder as it is.")
    (context.destination / FILE).write_text(context.run.recipe.to_yaml(), encoding="utf-8")
