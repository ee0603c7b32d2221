"""A run's checkpoint as one GGUF file."""

from __future__ import annotations

from engine.export.base import ExportContext
from engine.gguf.write import write_gguf


def write(context: ExportContext) -> None:
    """Write the file and read it back with gguf's own reader, number by number.

    Raises UserError where llama.cpp does not know the model or its tokenizer, RuntimeError where the file holds other
    numbers than the run's checkpoint.
    """
    write_gguf(context.run.checkpoint_folder, context.destination, context, name=context.run.checkpoint_name)
