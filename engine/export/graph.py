"""The graph as it was built and as its compiler runs it, for Netron and other viewers; without the weights."""

from __future__ import annotations

from engine.catalogue import load
from engine.export.base import ExportContext
from engine.runtimes.open import request_of


def write(context: ExportContext) -> None:
    """Fill the destination with the two graphs, each read back.

    Raises UserError where the runtime cannot be used here, RuntimeError when what was written is not what was compiled.
    """
    context.step(0, 0, "Compiling the graph once more")
    spec, request = request_of(context.run.artefact_folder)
    load(spec.graph_files)(request, context.destination)
