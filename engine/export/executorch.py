"""The model as an ExecuTorch program for phones and small devices, its matrix products on XNNPACK."""

from __future__ import annotations

import warnings

from engine.export import program
from engine.export.base import ExportContext
from engine.protocol.errors import UserError

NAME = "model.pte"
PIECE = 128  # tokens a call: ExecuTorch plans its memory for the most


def write(context: ExportContext) -> None:
    """Write model.pte, tokenizer and an example; verified on ExecuTorch's own runtime in another process.

    Raises UserError when the model cannot be lowered, RuntimeError when the program computes something else.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        made = program.make(context, piece=PIECE, texts=1)
        context.step(0, 0, "Lowering to ExecuTorch")
        try:
            lowered = to_edge_transform_and_lower(made, partitioner=[XnnpackPartitioner()]).to_executorch()
        except Exception as error:  # its passes raise whatever they like
            said = str(error).strip().split("\n")[0].rstrip(".")
            raise UserError(
                f"ExecuTorch cannot hold this model: {said}.",
                "Take the exported program away instead.",
                code="unsupported_architecture",
            ) from error
        with (context.destination / NAME).open("wb") as file:
            lowered.write_to_file(file)
    program.finish(context, NAME, piece=PIECE)
