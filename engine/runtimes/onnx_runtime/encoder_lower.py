"""Build an encoder's artefact: graph, weights, verification against the torch model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext, Floats, TextBatch
from engine.runtimes.companions import Facts
from engine.runtimes.encoder_layout import layout_of
from engine.runtimes.onnx_runtime.assemble import artefact_of, copy_companions, graph_facts, open_built
from engine.runtimes.onnx_runtime.encoder import EncoderGraph
from engine.runtimes.onnx_runtime.graph import save, save_graph, set_accuracy_level
from engine.runtimes.onnx_runtime.limits import EXACT, FAST, TOLERATED_ANGLE
from engine.runtimes.stored import Stored


def build_encoder(context: BuildContext) -> Artefact:
    """Fill `context.destination` with an encoder. Raises UserError when it computes something else than the source."""
    context.step(0, 0, "Loading the checkpoint")
    twin = load_model(context.source, dtype=torch.float32)
    context.step(0, 0, "Writing the graph")
    model = EncoderGraph(twin, layout_of(twin), Stored(twin, Reader(context.source)).grid, EXACT).write(
        context.info.task
    )
    weight_bytes = save(model, context.destination, context)
    copy_companions(context, "encode.py")
    facts = {**graph_facts(model), **_verify(context, model, twin)}
    return artefact_of(context, weight_bytes, facts)


def _verify(context: BuildContext, model: Any, twin: Any) -> Facts:
    """Check the graph at the exact level, then settle the level to ship and measure how far it turns the vectors."""
    context.step(0, 0, "Comparing with the original")
    window = verify.window(context.source, twin.config.vocab_size, 128)
    # The second text is half as long, so that padding is checked too.
    half = max(1, window.ids.shape[1] // 2)
    ids = np.repeat(window.ids, 2, axis=0)
    mask = np.ones_like(ids)
    ids[1, half:] = twin.config.pad_token_id or 0
    mask[1, half:] = 0
    batch = TextBatch(ids, mask)
    inputs = {"input_ids": ids, "attention_mask": mask}
    real = mask.astype(bool)
    expected = verify.twin_outputs(twin.base_model, inputs, "last_hidden_state")[real]
    facts: Facts = {
        "relative error": verify.require_equal(_hidden(context, batch)[real], expected, verify.TOLERANCE),
        "compared on": window.source,
    }
    if not any(node.op_type == "MatMulNBits" for node in model.graph):
        return facts
    facts["accuracy level"] = EXACT
    facts["cosine"] = 1.0
    if context.options.accuracy != "exact" and context.target.device == "cpu":
        set_accuracy_level(model, FAST)
        save_graph(model, context.destination)
        cosine = verify.cosine(expected, _hidden(context, batch)[real])
        if context.options.accuracy == "fast" or cosine >= 1 - TOLERATED_ANGLE:
            return {**facts, "accuracy level": FAST, "cosine": cosine}
        set_accuracy_level(model, EXACT)
        save_graph(model, context.destination)
        context.notice(f"Fast integer kernels would turn the vectors to a cosine of {cosine:.4f}; exact ones are used.")
    return facts


def _hidden(context: BuildContext, batch: TextBatch) -> Floats:
    session = open_built(context)
    try:
        return session.hidden(batch)
    finally:
        session.close()
