"""Build an OpenVINO artefact: a graph with the checkpoint's own integers, verified against the torch model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from engine import heap
from engine.checkpoint.outline import Outline
from engine.compare.graph import FILE
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes import text2text_verify, verify
from engine.runtimes.base import Artefact, BuildContext, Floats
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
# What is computed with these settings; on which device, if not on the target's.
Read = Callable[..., Floats]
# Compares what was built with what the original said before; told whether there are integer weights.
Check = Callable[[bool], Facts]
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
    outline = Outline(context.source)
    context.step(0, 0, "Asking the original")
    check = {"text-generation": _ask_decoder, "text2text-generation": _ask_text2text}.get(
        context.info.task, _ask_encoder
    )(context, outline.model)
    made, weight_bytes = _write(context, outline)
    heap.trim()
    add_companions(context, _EXAMPLES.get(context.info.task, "encode.py"))
    context.step(0, 0, "Comparing with the original")
    facts = {**made, **check(bool(made["integer weights"]))}
    artefact = artefact_of(context, "openvino", weight_bytes, facts)
    if context.target.device == "intel-npu":  # its compiler does not tell
        return artefact
    context.step(0, 0, "Noting what the compiler did")
    try:  # the model is whole without it
        report.write(context.destination, context.target.device)
    except (OSError, RuntimeError) as error:
        context.notice(f"What OpenVINO's compiler did could not be noted: {error}")
        return artefact
    return artefact.model_copy(update={"files": tuple(sorted({*artefact.files, FILE}))})


def _write(context: BuildContext, outline: Outline) -> tuple[Facts, int]:
    """Write the graph and its weights; what it is made of, and the bytes of its weights."""
    twin, task = outline.model, context.info.task
    weights = Weights(outline, Stored(twin, outline.reader))
    context.step(0, 0, "Writing the graph")
    if task == "text-generation":
        model = DecoderGraph(twin, weights, context.info.architecture).write(
            lambda index, layers: context.step(index, layers, "Writing the graph")
        )
    elif task == "text2text-generation":
        model = Text2TextGraph(twin, weights).write()
    else:
        model = EncoderGraph(twin, weights, layout_of(twin)).write(task)
    save(model, context)
    outline.reader.release()
    return {"nodes": len(model.get_ops()), "integer weights": weights.integer}, weights.bytes


def _ask_decoder(context: BuildContext, twin: Any) -> Check:
    asked = verify.ask(context.source, twin)
    ids = asked.window.ids
    half = max(1, ids.shape[1] // 2)

    def read(settings: Settings, device: str = "") -> Floats:
        """Logits of the window's second half, read after its first half, so that the cache counts too."""
        session = open_built(context, settings, device)
        try:
            first = session.prefill(ids[:, :half])
            return np.concatenate([first, session.extend(ids[:, half:])[0]])
        finally:
            session.close()

    return partial(_compared, context, read, asked.expected[half - 1 :], asked.window.source)


def _ask_text2text(context: BuildContext, twin: Any) -> Check:
    """An encoder-decoder is asked for its own answers."""
    trial = text2text_verify.ask(context.source)

    def read(settings: Settings, device: str = "") -> Floats:
        return trial.logits(open_built(context, settings, device))

    return partial(_compared, context, read, trial.expected, trial.source)


def _compared(context: BuildContext, read: Read, expected: Floats, source: str, integer: bool) -> Facts:
    """Check what `read` gives in exact arithmetic, which the processor has, against the logits `expected` [N, V], then
    settle the arithmetic to ship and measure its divergence."""
    error = verify.require_equal(read(Settings(), "cpu"), expected, verify.TOLERANCE)

    def divergence(settings: Settings) -> float:
        return verify.divergence(expected, read(settings))

    choice = _settle(context, integer, divergence, TOLERATED_KL, "nats")
    return {
        "relative error": error,
        "compared on": source,
        "arithmetic": choice.settings.words,
        "key-value cache": choice.settings.cache,
        "kl_divergence_nats": choice.cost,
    }


def _ask_encoder(context: BuildContext, twin: Any) -> Check:
    """The same for an encoder, by how far faster arithmetic turns its vectors."""
    asked = verify.ask_encoder(context.source, twin)

    def hidden(settings: Settings, device: str = "") -> Floats:
        session = open_built(context, settings, device)
        try:
            return asked.real(session.hidden(asked.batch))
        finally:
            session.close()

    def angle(settings: Settings) -> float:
        return 1 - verify.cosine(asked.expected, hidden(settings))

    def check(integer: bool) -> Facts:
        error = verify.require_equal(hidden(Settings(), "cpu"), asked.expected, verify.TOLERANCE)
        choice = _settle(context, integer, angle, TOLERATED_ANGLE, "of the vectors' cosine")
        return {
            "relative error": error,
            "compared on": asked.source,
            "arithmetic": choice.settings.words,
            "cosine": 1 - choice.cost,
        }

    return check


def _settle(context: BuildContext, integer: bool, cost: Measure, most: float, unit: str) -> Choice:
    """Choose the arithmetic to ship and write it into the graph's file; `unit` is that of `cost`, in words."""
    options = context.options
    context.step(0, 0, "Measuring faster arithmetic")
    device = context.target.device
    choice = choose(options, candidates(options, integer=integer, device=device), cost, most)
    if device == "intel-npu" and choice.cost > most:
        context.notice(f"An NPU computes in float16, which costs {choice.cost:.3f} {unit} here.")
    for settings, paid in choice.refused:
        context.notice(f"Computing in {settings.words} would cost {paid:.3f} {unit} here, so it is not used.")
    arithmetic.write(context.destination, choice.settings)
    return choice
