"""Build an ONNX Runtime artefact: a graph with the checkpoint's own integers, verified against the torch model."""

from __future__ import annotations

import onnx_ir as ir
import torch

from engine import heap
from engine.checkpoint.outline import Outline
from engine.compare.graph import FILE
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext
from engine.runtimes.companions import Facts
from engine.runtimes.onnx_runtime import decoder, report
from engine.runtimes.onnx_runtime.assemble import artefact_of, copy_companions, graph_facts
from engine.runtimes.onnx_runtime.availability import missing_for_build
from engine.runtimes.onnx_runtime.cache_scales import measured, use_integer_cache
from engine.runtimes.onnx_runtime.decoder_verify import verify_cache, verify_decoder
from engine.runtimes.onnx_runtime.encoder_lower import build_encoder
from engine.runtimes.onnx_runtime.graph import save, save_graph
from engine.runtimes.onnx_runtime.limits import DECODER, ENCODER, EXACT, FAST, MODEL, is_exported
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
    try:  # the model is whole without it
        report.write(context.destination, context.target.device, graphs)
    except (OSError, RuntimeError) as error:
        context.notice(f"What ONNX Runtime's optimiser did could not be noted: {error}")
        return artefact
    return artefact.model_copy(update={"files": tuple(sorted({*artefact.files, FILE}))})


def _build_decoder(context: BuildContext) -> Artefact:
    if is_exported(context.info):
        # here, so that a missing onnxscript is told in plain words
        from engine.runtimes.onnx_runtime.exported_lower import build_exported

        return build_exported(context)
    device = context.target.device
    half = device == "cuda"  # where GroupQueryAttention has no float32 kernel
    context.step(0, 0, "Loading the checkpoint")
    outline = Outline(context.source)
    context.step(0, 0, "Asking the original")
    asked = verify.ask(context.source, outline.model)
    written = decoder.decoder_graph(
        outline,
        context.source,
        context,
        device=device,
        dtype=ir.DataType.FLOAT16 if half else ir.DataType.FLOAT,
        join=decoder.joinable(outline.reader.grids) - ({"gate_up_proj"} if half else set()),
    )
    tied = bool(outline.model.config.tie_word_embeddings)
    integer = decoder.put_grids(written.model, outline.reader, context, tied=tied, half=half, level=EXACT)
    weight_bytes = save(written.model, context.destination, context)
    outline.reader.release()
    heap.trim()
    written.write_genai_config(context.destination)
    copy_companions(context, "generate.py")
    facts = {**graph_facts(written.model), **verify_decoder(context, written.model, asked, integer)}
    if _keeps_integers(context, facts):
        weight_bytes += use_integer_cache(written.model, measured(context))
        save_graph(written.model, context.destination)
        facts |= verify_cache(context, asked, facts["kl_divergence_nats"])
    return artefact_of(context, weight_bytes, facts)


def _keeps_integers(context: BuildContext, facts: Facts) -> bool:
    """Whether keys and values are kept in 8 bits, by request or because guessed tokens are to be checked.

    With a float cache, attention rounds one token otherwise than several, in the last bit; layers that round
    activations to 8 bits turn that into other answers, and the session would not guess. Over 8 bits all is alike.
    """
    guesses = context.target.speculation in ("lookup", "draft") and context.target.device == "cpu"
    rounds = facts.get("accuracy level") == FAST
    return bool(context.options.kv_cache == "8-bit" or (context.options.kv_cache == "automatic" and guesses and rounds))
