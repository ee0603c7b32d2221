"""Build an OpenVINO artefact: a graph with the checkpoint's own integers, verified against the torch model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.compare.graph import FILE
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes import text2text_verify, verify
from engine.runtimes.base import Artefact, BuildContext, Floats, TextBatch
from engine.runtimes.companions import Facts, artefact_of
from engine.runtimes.encoder_layout import layout_of
from engine.runtimes.openvino import report
from engine.runtimes.openvino import settings as arithmetic
from engine.runtimes.openvino.assemble import add_companions, open_built, save
from engine.runtimes.openvino.availability import missing_for_build
from engine.runtimes.openvino.choose import Choice, candidates, choose
from engine.runtimes.openvino.decoder import DecoderGraph
from engine.runtimes.openvino.encoder import EncoderGraph
from engine.runtimes.openvino.limits import TOLERATED_ANGLE, TOLERATED_KL
from engine.runtimes.openvino.settings import Settings
from engine.runtimes.openvino.text2text import Text2TextGraph
from engine.runtimes.openvino.weights import Weights
from engine.runtimes.stored import Stored

Measure = Callable[[Settings], float]
_EXAMPLES = {"text-generation": "generate.py", "text2text-generation": "answer.py"}


def build(context: BuildContext) -> Artefact:
    """Fill `context.destination` with graph, weights, tokenizer and an example.

    Raises UserError when a package is missing or the result does not compute what the checkpoint does; Cancelled.
    """
    missing = missing_for_build()
    if missing:
        raise UserError(
            f"Building for OpenVINO needs {', '.join(missing)}.",
            "Run “python3 start.py setup”, or “pip install hasten[cpu]”.",
            code="runtime_unavailable",
        )
    torch.set_num_threads(suggested_threads())  # what ran before must not change the last bits of what is measured
    context.step(0, 0, "Loading the checkpoint")
    twin = load_model(context.source, dtype=torch.float32)
    stored = Stored(twin, Reader(context.source))
    weights = Weights(twin, stored)
    task = context.info.task
    if task == "text-generation":
        model = DecoderGraph(twin, weights, context.info.architecture).write(
            lambda index, layers: context.step(index, layers, "Writing the graph")
        )
    elif task == "text2text-generation":
        context.step(0, 0, "Writing the graph")
        model = Text2TextGraph(twin, weights).write()
    else:
        context.step(0, 0, "Writing the graph")
        model = EncoderGraph(twin, weights, layout_of(twin)).write(task)
    save(model, context)
    facts: Facts = {"nodes": len(model.get_ops()), "integer weights": weights.integer}
    del model
    add_companions(context, _EXAMPLES.get(task, "encode.py"))
    context.step(0, 0, "Comparing with the original")
    if task == "text-generation":
        facts |= _verified_decoder(context, twin, weights)
    elif task == "text2text-generation":
        text2text_verify.put_on_grid(twin, stored)
        facts |= _verified_text2text(context, twin, weights)
    else:
        facts |= _verified_encoder(context, twin, weights)
    artefact = artefact_of(context, "openvino", weights.bytes, facts)
    context.step(0, 0, "Noting what the compiler did")
    try:  # the model is whole without it
        report.write(context.destination)
    except (OSError, RuntimeError) as error:
        context.notice(f"What OpenVINO's compiler did could not be noted: {error}")
        return artefact
    return artefact.model_copy(update={"files": tuple(sorted({*artefact.files, FILE}))})


def _verified_decoder(context: BuildContext, twin: Any, weights: Weights) -> Facts:
    """Check the graph in exact arithmetic, then settle the arithmetic to ship and measure its divergence."""
    window = verify.window(context.source, twin.config.vocab_size)
    expected = verify.twin_outputs(twin, {"input_ids": window.ids}, "logits")[0]
    half = max(1, window.ids.shape[1] // 2)

    def read(settings: Settings) -> Floats:
        """Logits of the window's second half, read after its first half, so that the cache counts too."""
        session = open_built(context, settings)
        try:
            first = session.prefill(window.ids[:, :half])
            return np.concatenate([first, session.extend(window.ids[:, half:])[0]])
        finally:
            session.close()

    return _compared(context, weights, read, expected[half - 1 :], window.source)


def _verified_text2text(context: BuildContext, twin: Any, weights: Weights) -> Facts:
    """The same for an encoder-decoder, on the torch model's own answers."""
    trial = text2text_verify.trial(context.source, twin)

    def read(settings: Settings) -> Floats:
        return trial.logits(open_built(context, settings))

    return _compared(context, weights, read, trial.expected, trial.source)


def _compared(
    context: BuildContext, weights: Weights, read: Callable[[Settings], Floats], expected: Floats, source: str
) -> Facts:
    """Check what `read` gives in exact arithmetic against the logits `expected` [N, V]; settle the arithmetic."""
    error = verify.require_equal(read(Settings()), expected, verify.TOLERANCE)

    def divergence(settings: Settings) -> float:
        return verify.divergence(expected, read(settings))

    choice = _settle(context, weights, divergence, TOLERATED_KL, "nats")
    return {
        "relative error": error,
        "compared on": source,
        "arithmetic": choice.settings.words,
        "key-value cache": choice.settings.cache,
        "kl_divergence_nats": choice.cost,
    }


def _verified_encoder(context: BuildContext, twin: Any, weights: Weights) -> Facts:
    """Check the graph in exact arithmetic, then settle the arithmetic and measure how far it turns the vectors."""
    window = verify.window(context.source, twin.config.vocab_size, 128)
    # The second text is half as long, so that padding is checked too.
    half = max(1, window.ids.shape[1] // 2)
    ids = np.repeat(window.ids, 2, axis=0)
    mask = np.ones_like(ids)
    ids[1, half:] = twin.config.pad_token_id or 0
    mask[1, half:] = 0
    real = mask.astype(bool)
    expected = verify.twin_outputs(twin.base_model, {"input_ids": ids, "attention_mask": mask}, "last_hidden_state")
    expected = expected[real]

    def hidden(settings: Settings) -> Floats:
        session = open_built(context, settings)
        try:
            states: Floats = session.hidden(TextBatch(ids, mask))[real]
            return states
        finally:
            session.close()

    error = verify.require_equal(hidden(Settings()), expected, verify.TOLERANCE)
    facts: Facts = {"relative error": error, "compared on": window.source}

    def angle(settings: Settings) -> float:
        return 1 - verify.cosine(expected, hidden(settings))

    choice = _settle(context, weights, angle, TOLERATED_ANGLE, "of the vectors' cosine")
    return {**facts, "arithmetic": choice.settings.words, "cosine": 1 - choice.cost}


def _settle(context: BuildContext, weights: Weights, cost: Measure, most: float, unit: str) -> Choice:
    """Choose the arithmetic to ship and write it into the graph's file; `unit` is that of `cost`, in words."""
    options = context.options
    context.step(0, 0, "Measuring faster arithmetic")
    choice = choose(options, candidates(options, integer=weights.integer > 0), cost, most)
    for settings, paid in choice.refused:
        context.notice(f"Computing in {settings.words} would cost {paid:.3f} {unit} here, so it is not used.")
    arithmetic.write(context.destination, choice.settings)
    return choice
