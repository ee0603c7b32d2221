"""Build a llama.cpp artefact: the GGUF file, what belongs beside it, and a comparison with the torch model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import torch

from engine.checkpoint import gguf_header
from engine.checkpoint.outline import Outline
from engine.gguf.write import Written, write_gguf
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext, Floats, Ids, OpenRequest, Session
from engine.runtimes.companions import Facts, artefact_of, copy_companions, request_for
from engine.runtimes.llamacpp import attention
from engine.runtimes.llamacpp.library import quantise
from engine.runtimes.llamacpp.limits import MODEL, REQUANTISED, TOLERANCE, TOLERATED_KL
from engine.runtimes.llamacpp.session import ExactSession, open_session

RUNTIME = "llamacpp"
_EXAMPLE = Path(__file__).parent / "examples" / "generate.py"


def build(context: BuildContext) -> Artefact:
    """Fill `context.destination` with model.gguf, tokenizer and an example.

    Raises UserError where llama.cpp does not know the model, or answers otherwise than the checkpoint; Cancelled.
    """
    torch.set_num_threads(suggested_threads())
    file = context.destination / MODEL
    requantised = context.options.requantise != "no"
    written = write_gguf(context.source, file, context)
    facts: Facts = {}
    if requantised:
        _quantise(context, file)
        facts["quantised by llama.cpp"] = context.options.requantise
    else:
        facts["largest difference of a weight"] = written.largest_difference
        facts["weights that are the same to the bit"] = f"{written.exact} of {written.tensors} tensors"
    kinds: Counter[str] = Counter()
    for tensor in gguf_header.read(file).tensors:
        kinds[tensor.type] += tensor.bytes
    facts["types"] = ", ".join(f"{kind} {size / 2**20:.1f} MiB" for kind, size in kinds.most_common())
    copy_companions(context, _EXAMPLE)
    context, found = _settle(context)
    facts |= found
    facts |= _compare(context, written, set(kinds))
    return artefact_of(context, RUNTIME, sum(kinds.values()), facts)


def _settle(context: BuildContext) -> tuple[BuildContext, Facts]:
    """`context` with the attention and the cache to run with where they are left open, and what they were chosen by."""
    if context.options.kv_cache in ("f32", "q8_0"):  # each goes with one attention
        return context, {}
    if context.options.attention != "automatic":
        return _with_attention(context, context.options.attention), {}
    context.step(0, 0, "Measuring attention")
    choices = {kind: _with_attention(context, kind) for kind in attention.KINDS}
    with ExitStack() as stack:
        found = attention.measure(
            {kind: stack.enter_context(closing(_opened(choice))) for kind, choice in choices.items()}
        )
    kind = attention.quicker(found)
    words = {f"{name} attention": f"{1e3 * token:.2f} ms a token, {1e3 * read:.0f} ms for the prompt"
             for name, (read, token) in found.items()}  # fmt: skip
    return choices[kind], {"attention": kind, **words}


def _with_attention(context: BuildContext, kind: attention.Kind) -> BuildContext:
    kept = context.options.kv_cache
    if kept == "automatic":
        # Over f16, plain attention adds up one token otherwise than several: guesses could not be checked.
        guesses = context.target.speculation in ("lookup", "draft")
        kept = "f32" if guesses and kind == "plain" else "f16"
    options = {**context.target.options, "attention": kind, "kv_cache": kept}
    return replace(context, target=context.target.model_copy(update={"options": options}))


def _quantise(context: BuildContext, file: Path) -> None:
    """Round the floats of `file` by llama.cpp's own method."""
    context.step(0, 0, "Quantising with llama.cpp")
    floats = file.with_name("floats.gguf")
    file.rename(floats)
    quantise(floats, file, REQUANTISED[context.options.requantise][0], suggested_threads())
    floats.unlink()


def _compare(context: BuildContext, written: Written, kinds: set[str]) -> Facts:
    """What llama.cpp answers against what the dequantised torch model does, on the built-in text.

    float32 weights must give its logits; with others llama.cpp rounds activations, so probabilities are compared.
    """
    context.step(0, 0, "Comparing with the original")
    asked = verify.ask(context.source, Outline(context.source).model, min(256, written.context))
    expected, ids = asked.expected, asked.window.ids
    facts: Facts = {"compared on": asked.window.source}
    if kinds == {"F32"}:
        error = verify.relative_error(_logits(_opened(context, ExactSession), ids), expected)
        facts["relative error"] = error
        if not error <= TOLERANCE:
            raise _different(f"its logits differ by {error:.1%} of the largest")
    kl = verify.divergence(expected, _logits(_opened(context), ids))
    facts["kl_divergence_nats"] = kl
    if context.options.requantise != "no":
        context.notice(f"llama.cpp's own rounding to {context.options.requantise} costs {kl:.3f} nats a token.")
    elif not kl <= TOLERATED_KL:
        raise _different(f"it diverges by {kl:.3f} nats a token, where {TOLERATED_KL} are tolerated")
    return facts


def _different(how: str) -> UserError:
    return UserError(
        f"llama.cpp does not compute what the original does: {how}.",
        "Choose another runtime for this model, and report it: the conversion was not kept.",
        code="unsupported_architecture",
    )


def _logits(session: Session, ids: Ids) -> Floats:
    with closing(session):
        found: Floats = session.logits(ids)[0]
        return found


def _opened(context: BuildContext, kind: Callable[[OpenRequest], Session] = open_session) -> Session:
    return kind(request_for(context, RUNTIME))
