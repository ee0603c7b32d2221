"""The model as a torch.export program that torch alone opens."""

from __future__ import annotations

import warnings

import torch

from engine.export import program
from engine.export.base import ExportContext

NAME = "model.pt2"


def write(context: ExportContext) -> None:
    """Write model.pt2, tokenizer and an example; verified in another process that has torch but no Transformers.

    Raises UserError when the model cannot be exported, RuntimeError when the program computes something else.
    """
    made = program.make(context)
    context.step(0, 0, "Writing the program")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export of its own tree specs
        torch.export.save(made, context.destination / NAME)
    program.finish(context, NAME)
