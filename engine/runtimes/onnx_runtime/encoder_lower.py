"""Build an encoder's artefact: graph, weights, verification against the torch model."""

from __future__ import annotations

from typing import Any

from engine.checkpoint.outline import Outline
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext, Floats
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
    outline = Outline(context.source)
    context.step(0, 0, "Asking the original")
    asked = verify.ask_encoder(context.source, outline.model)
    context.step(0, 0, "Writing the graph")
    grid_of = Stored(outline.model, outline.reader).grid
    model = EncoderGraph(outline, layout_of(outline.model), grid_of, EXACT).write(context.info.task)
    weight_bytes = save(model, context.destination, context)
    outline.reader.release()
    copy_companions(context, "encode.py")
    facts = {**graph_facts(model), **_verify(context, model, asked)}
    return artefact_of(context, weight_bytes, facts)


def _verify(context: BuildContext, model: Any, asked: verify.AskedEncoder) -> Facts:
    """Check the graph at the exact level, then settle the level to ship and measure how far it turns the vectors."""
    context.step(0, 0, "Comparing with the original")
    facts: Facts = {
        "relative error": verify.require_equal(_hidden(context, asked), asked.expected, verify.TOLERANCE),
        "compared on": asked.source,
    }
    if not any(node.op_type == "MatMulNBits" for node in model.graph):
        return facts
    facts["accuracy level"] = EXACT
    facts["cosine"] = 1.0
    if context.options.accuracy != "exact" and context.target.device == "cpu":
        set_accuracy_level(model, FAST)
        save_graph(model, context.destination)
        cosine = verify.cosine(asked.expected, _hidden(context, asked))
        if context.options.accuracy == "fast" or cosine >= 1 - TOLERATED_ANGLE:
            return {**facts, "accuracy level": FAST, "cosine": cosine}
        set_accuracy_level(model, EXACT)
        save_graph(model, context.destination)
        context.notice(f"Fast integer kernels would turn the vectors to a cosine of {cosine:.4f}; exact ones are used.")
    return facts


def _hidden(context: BuildContext, asked: verify.AskedEncoder) -> Floats:
    session = open_built(context)
    try:
        return asked.real(session.hidden(asked.batch))
    finally:
        session.close()
