"""Check a built decoder against the torch model, and settle how its integers are computed with."""

from __future__ import annotations

from typing import Any

import onnx_ir as ir

from engine.runtimes import verify
from engine.runtimes.base import BuildContext, Floats
from engine.runtimes.companions import Facts
from engine.runtimes.onnx_runtime.assemble import open_built
from engine.runtimes.onnx_runtime.graph import save_graph, set_accuracy_level
from engine.runtimes.onnx_runtime.limits import EXACT, FAST, TOLERATED_KL


def verify_decoder(context: BuildContext, model: ir.Model, asked: verify.Asked, integer: int) -> Facts:
    """Check `model`, which lies in the destination, at the exact level against what the torch model was `asked`; then
    settle the level to ship and measure its divergence. `integer` counts its integer nodes.

    Raises UserError where it computes something else.
    """
    context.step(0, 0, "Comparing with the original")
    exact = _logits(context, asked)
    facts: Facts = {
        "relative error": verify.require_equal(exact, asked.expected, tolerance_on(context.target.device)),
        "compared on": asked.window.source,
    }
    kl = verify.divergence(asked.expected, exact)
    del exact
    if integer:
        level, kl = _settle_level(context, model, asked, kl)
        facts["accuracy level"] = level
    facts["kl_divergence_nats"] = kl
    return facts


def tolerance_on(device: str) -> float:
    """How far logits on `device` may be off: CUDA's fused graphs are float16, its float32 products rounded to TF32."""
    return verify.TOLERANCE_HALF if device == "cuda" else verify.TOLERANCE


def _settle_level(context: BuildContext, model: ir.Model, asked: verify.Asked, exact_kl: float) -> tuple[int, float]:
    """The accuracy level to ship and its divergence from the twin; model.onnx is left at that level."""
    if context.options.accuracy == "exact" or context.target.device == "cuda":
        return EXACT, exact_kl
    context.step(0, 0, "Measuring the fast integer kernels")
    set_accuracy_level(model, FAST)
    save_graph(model, context.destination)
    kl = verify.divergence(asked.expected, _logits(context, asked))
    if context.options.accuracy == "fast" or kl <= TOLERATED_KL:
        return FAST, kl
    set_accuracy_level(model, EXACT)
    save_graph(model, context.destination)
    context.notice(f"Fast integer kernels would cost {kl:.3f} nats here, so the exact ones are used; they are slower.")
    return EXACT, exact_kl


def verify_cache(context: BuildContext, asked: verify.Asked, float_kl: Any) -> Facts:
    """Measure what the cache in 8 bits costs, beside `float_kl`, the divergence with a float cache."""
    context.step(0, 0, "Comparing with the original")
    kl = verify.divergence(asked.expected, _logits(context, asked))
    if kl > float_kl + TOLERATED_KL:
        context.notice(f"Keys and values in 8 bits cost {kl - float_kl:.3f} nats here; a float cache costs none.")
    return {"kl_divergence_nats": kl, "kl_divergence_nats with a float cache": float_kl, "key-value cache": "8 bits"}


def _logits(context: BuildContext, asked: verify.Asked) -> Floats:
    session = open_built(context)
    try:
        found: Floats = session.logits(asked.window.ids)[0]
        return found
    finally:
        session.close()
