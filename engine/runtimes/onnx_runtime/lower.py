"""Build an ONNX Runtime artefact: a graph with the checkpoint's own integers, verified against the torch model."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.compare.graph import FILE
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext
from engine.runtimes.companions import Facts
from engine.runtimes.onnx_runtime import decoder, report
from engine.runtimes.onnx_runtime.assemble import artefact_of, copy_companions, graph_facts, open_built
from engine.runtimes.onnx_runtime.availability import missing_for_build
from engine.runtimes.onnx_runtime.cache_scales import measured, use_integer_cache
from engine.runtimes.onnx_runtime.encoder_lower import build_encoder
from engine.runtimes.onnx_runtime.graph import save, save_graph, set_accuracy_level
from engine.runtimes.onnx_runtime.limits import DECODER, ENCODER, EXACT, FAST, MODEL, TOLERATED_KL
from engine.runtimes.onnx_runtime.text2text_lower import build_text2text


def build(context: BuildContext) -> Artefact:
    """Fill `context.destination` with model.onnx, its weights, tokenizer and an example.

    Raises UserError when a package is missing or the result does not compute what the checkpoint does; Cancelled.
    """
    missing = missing_for_build()
    if missing:
        raise UserError(
            f"Building for ONNX Runtime needs {', '.join(missing)}.",
            "Run “python3 start.py setup”, or “pip install hasten[cpu]”.",
            code="runtime_unavailable",
        )
    torch.set_num_threads(suggested_threads())  # what ran before must not change the last bits of what is measured
    builder = {"text-generation": _build_decoder, "text2text-generation": build_text2text}
    artefact = builder.get(context.info.task, build_encoder)(context)
    graphs = (ENCODER, DECODER) if context.info.task == "text2text-generation" else (MODEL,)
    context.step(0, 0, "Noting what the optimiser did")
    try:  # it takes as much disk as the model for a moment; the model is whole without it
        report.write(context.destination, context.target.device, graphs)
    except (OSError, RuntimeError) as error:
        context.notice(f"What ONNX Runtime's optimiser did could not be noted: {error}")
        return artefact
    return artefact.model_copy(update={"files": tuple(sorted({*artefact.files, FILE}))})


def _build_decoder(context: BuildContext) -> Artefact:
    device = context.target.device
    half = device == "cuda"  # where GroupQueryAttention has no float32 kernel
    reader = Reader(context.source)
    context.step(0, 0, "Loading the checkpoint")
    twin = load_model(context.source, dtype=torch.float32)
    written = decoder.decoder_graph(
        twin,
        context.source,
        context,
        device=device,
        dtype=ir.DataType.FLOAT16 if half else ir.DataType.FLOAT,
        join=decoder.joinable(reader.grids) - ({"gate_up_proj"} if half else set()),
    )
    tied = bool(twin.config.tie_word_embeddings)
    integer = decoder.put_grids(written.model, reader, context, tied=tied, half=half, level=EXACT)
    weight_bytes = save(written.model, context.destination, context)
    written.write_genai_config(context.destination)
    copy_companions(context, "generate.py")
    facts = {**graph_facts(written.model), **_verify_decoder(context, written.model, twin, integer)}
    if _keeps_integers(context, facts):
        weight_bytes += use_integer_cache(written.model, measured(context))
        save_graph(written.model, context.destination)
        facts |= _verify_cache(context, twin, facts["kl_divergence_nats"])
    return artefact_of(context, weight_bytes, facts)


def _keeps_integers(context: BuildContext, facts: Facts) -> bool:
    """Whether keys and values are kept in 8 bits, by request or because guessed tokens are to be checked.

    With a float cache, attention rounds one token otherwise than several, in the last bit; layers that round
    activations to 8 bits turn that into other answers, and the session would not guess. Over 8 bits all is alike.
    """
    guesses = context.target.speculation in ("lookup", "draft") and context.target.device == "cpu"
    rounds = facts.get("accuracy level") == FAST
    return bool(context.options.kv_cache == "8-bit" or (context.options.kv_cache == "automatic" and guesses and rounds))


def _verify_decoder(context: BuildContext, model: ir.Model, twin: Any, integer: int) -> Facts:
    """Check the graph at the exact level, then settle the level to ship and measure its divergence."""
    context.step(0, 0, "Comparing with the original")
    window = verify.window(context.source, twin.config.vocab_size)
    expected = verify.twin_outputs(twin, {"input_ids": window.ids}, "logits")[0]
    tolerance = verify.TOLERANCE_HALF if context.target.device == "cuda" else verify.TOLERANCE
    exact = _logits(context, window)
    facts: Facts = {"relative error": verify.require_equal(exact, expected, tolerance), "compared on": window.source}
    kl = verify.divergence(expected, exact)
    if integer:
        level, kl = _settle_level(context, model, window, expected, kl)
        facts["accuracy level"] = level
    facts["kl_divergence_nats"] = kl
    return facts


def _settle_level(
    context: BuildContext, model: ir.Model, window: verify.Window, expected: Any, exact_kl: float
) -> tuple[int, float]:
    """The accuracy level to ship and its divergence from the twin; model.onnx is left at that level."""
    if context.options.accuracy == "exact" or context.target.device == "cuda":
        return EXACT, exact_kl
    context.step(0, 0, "Measuring the fast integer kernels")
    set_accuracy_level(model, FAST)
    save_graph(model, context.destination)
    kl = verify.divergence(expected, _logits(context, window))
    if context.options.accuracy == "fast" or kl <= TOLERATED_KL:
        return FAST, kl
    set_accuracy_level(model, EXACT)
    save_graph(model, context.destination)
    context.notice(f"Fast integer kernels would cost {kl:.3f} nats here, so the exact ones are used; they are slower.")
    return EXACT, exact_kl


def _verify_cache(context: BuildContext, twin: Any, float_kl: Any) -> Facts:
    """Measure what the cache in 8 bits costs, beside `float_kl`, the divergence with a float cache."""
    context.step(0, 0, "Comparing with the original")
    window = verify.window(context.source, twin.config.vocab_size)
    expected = verify.twin_outputs(twin, {"input_ids": window.ids}, "logits")[0]
    kl = verify.divergence(expected, _logits(context, window))
    if kl > float_kl + TOLERATED_KL:
        context.notice(f"Keys and values in 8 bits cost {kl - float_kl:.3f} nats here; a float cache costs none.")
    return {"kl_divergence_nats": kl, "kl_divergence_nats with a float cache": float_kl, "key-value cache": "8 bits"}


def _logits(context: BuildContext, window: verify.Window) -> Any:
    session = open_built(context)
    try:
        return session.logits(window.ids)[0]
    finally:
        session.close()
