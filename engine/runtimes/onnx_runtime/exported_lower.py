"""Build a decoder that has no fused graph: exported, its integers put in place, its cache checked step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.protocol.errors import Cancelled, UserError
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext
from engine.runtimes.limits import context_length
from engine.runtimes.onnx_runtime import exported, exporter
from engine.runtimes.onnx_runtime.assemble import artefact_of, copy_companions, graph_facts, open_built
from engine.runtimes.onnx_runtime.decoder_verify import tolerance_on, verify_decoder
from engine.runtimes.onnx_runtime.graph import save
from engine.runtimes.onnx_runtime.limits import EXACT
from engine.runtimes.stored import Stored

_LONGEST = 32  # tokens of the text that the cache is checked with
_STEPS = 4  # tokens that are appended one by one when the cache is checked


def build_exported(context: BuildContext) -> Artefact:
    """Fill `context.destination` with the graph that Transformers' exporter makes of the whole torch model.

    Raises UserError when the exporter or ONNX Runtime cannot follow the model, or computes something else; Cancelled.
    """
    context.step(0, 0, "Loading the checkpoint")
    twin = load_model(context.source, dtype=torch.float32)
    model = exporter.exported_graph(twin, context)
    context.step(0, 0, "Folding constants")
    exported.tidy(model)
    integer = exported.put_grids(model, Stored(twin, Reader(context.source)), context, EXACT)
    weight_bytes = save(model, context.destination, context)
    copy_companions(context, "generate.py")
    # half of the context at most, so that the cache has room beyond the text: some models mistake one for the other
    most = max(2, min(256, context_length(context.source) // 2))
    try:
        _check_sequences(context, twin, most)
        facts = verify_decoder(context, model, verify.ask(context.source, twin, most), integer)
    except (Cancelled, UserError, MemoryError):
        raise
    except Exception as error:  # ONNX Runtime's own, for an operator or a type that it has no kernel for
        raise exporter.explained("ONNX Runtime cannot run the graph of this model", error) from error
    return artefact_of(context, weight_bytes, {"graph": "Transformers' exporter", **graph_facts(model), **facts})


def _check_sequences(context: BuildContext, twin: Any, most: int) -> None:
    """Texts of mixed lengths, padded left and continued, must give each what `twin` gives it alone."""
    context.step(0, 0, "Comparing with the original")
    tolerance = tolerance_on(context.target.device)
    ids = verify.window(context.source, twin.config.vocab_size, most).ids[:, :_LONGEST]
    if ids.shape[1] <= _STEPS + 1:
        return
    read = ids.shape[1] - _STEPS
    cut = read // 2  # what the second text lacks of the first's beginning
    both, mask = np.repeat(ids, 2, axis=0), np.ones((2, read), np.int64)
    mask[1, :cut] = 0
    session = open_built(context)
    try:
        found = [session.prefill(both[:, :read] * mask, mask)]
        found += [session.decode(both[:, place]) for place in range(read, ids.shape[1])]
    finally:
        session.close()
    for row, start in enumerate((0, cut)):
        expected = verify.twin_outputs(twin, {"input_ids": ids[:, start:]}, "logits")[0, -_STEPS - 1 :]
        verify.require_equal(np.stack([logits[row] for logits in found]), expected, tolerance)
