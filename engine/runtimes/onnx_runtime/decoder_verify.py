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

_ENOUGH = 64  # tokens; a graph that is wrong is wrong at once


def verify_decoder(context: BuildContext, model: ir.Model, asked: verify.Asked, integer: int) -> Facts:
    """Check `model`, which lies in the destination, at the exact level against what the torch model was `asked`; then
    settle the level to ship and measure its divergence. `integer` counts its integer nodes.

    What is to be shipped at the fast level answers all of the text there; a part of it shows that the graph is right.
    Raises UserError where it computes something else.
    """
    context.step(0, 0, "Comparing with the original")
    exact_alone = not integer or context.options.accuracy == "exact" or context.target.device == "cuda"
    checked = asked if exact_alone else asked.first(_ENOUGH)
    exact = _logits(context, checked)
    facts: Facts = {
        "relative error": verify.require_equal(exact, checked.expected, tolerance_on(context.target.device)),
        "compared on": asked.window.source,
    }
    level, kl = (EXACT, verify.divergence(asked.expected, exact)) if exact_alone else _settled(context, model, asked)
    if integer:
        facts["accuracy level"] = level
    facts["kl_divergence_nats"] = kl
    return facts


def tolerance_on(device: str) -> float:
    """How far logits on `device` may be off: CUDA's fused graphs are float16, its float32 products rounded to TF32."""
    return verify.TOLERANCE_HALF if device == "cuda" else verify.TOLERANCE


def _settled(context: BuildContext, model: ir.Model, asked: verify.Asked) -> tuple[int, float]:
    """The accuracy level to ship and its divergence from the twin; model.onnx is left at that level."""
    context.step(0, 0, "Measuring the fast integer kernels")
    kl = _divergence_at(FAST, context, model, asked)
    if context.options.accuracy == "fast" or kl <= TOLERATED_KL:
        return FAST, kl
    exact_kl = _divergence_at(EXACT, context, model, asked)
    context.notice(f"Fast integer kernels would cost {kl:.3f} nats here, so the exact ones are used; they are slower.")
    return EXACT, exact_kl


def _divergence_at(level: int, context: BuildContext, model: ir.Model, asked: verify.Asked) -> float:
    set_accuracy_level(model, level)
    save_graph(model, context.destination)
    return verify.divergence(asked.expected, _logits(context, asked))


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
