"""Check a built decoder against the torch model, and settle how its integers are computed with."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from engine.runtimes import verify
from engine.runtimes.base import BuildContext
from engine.runtimes.companions import Facts
from engine.runtimes.onnx_runtime.assemble import open_built
from engine.runtimes.onnx_runtime.graph import save_graph, set_accuracy_level
from engine.runtimes.onnx_runtime.limits import EXACT, FAST, TOLERATED_KL


def verify_decoder(context: BuildContext, model: ir.Model, twin: Any, integer: int, most: int = 256) -> Facts:
    """Check `model`, which lies in the destination, at the exact level against `twin`, the torch model, on at most
    `most` tokens; then settle the level to ship and measure its divergence. `integer` counts its integer nodes.

    Raises UserError where it computes something else.
    """
    context.step(0, 0, "Comparing with the original")
    window = verify.window(context.source, twin.config.vocab_size, most)
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


def verify_cache(context: BuildContext, twin: Any, float_kl: Any) -> Facts:
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
