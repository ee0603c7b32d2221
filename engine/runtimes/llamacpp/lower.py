"""Build a llama.cpp artefact: the GGUF file, what belongs beside it, and a comparison with the torch model."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import torch

from engine.checkpoint import gguf_header
from engine.checkpoint.load import load_model
from engine.gguf.write import Written, write_gguf
from engine.grid.scheme import SIDE_FILE
from engine.links import checkpoint_files, link_or_copy
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import UserError
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext, Floats, Ids, OpenRequest, Session
from engine.runtimes.llamacpp import attention
from engine.runtimes.llamacpp.library import quantise
from engine.runtimes.llamacpp.limits import MODEL, REQUANTISED, TOLERANCE, TOLERATED_KL
from engine.runtimes.llamacpp.session import ExactSession, open_session
from engine.text.tokenizer import load_tokenizer

Facts = dict[str, str | int | float | bool | None]
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
    _copy_companions(context)
    context, found = _settle_attention(context)
    facts |= found
    facts |= _compare(context, written, set(kinds))
    return _artefact(context, sum(kinds.values()), facts)


def _settle_attention(context: BuildContext) -> tuple[BuildContext, Facts]:
    """`context` with the attention to run with where that is left open, and what it was chosen by."""
    if (context.options.attention, context.options.kv_cache) != ("automatic", "f16"):
        return context, {}
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
    options = {**context.target.options, "attention": kind}
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
    twin = load_model(context.source, dtype=torch.float32)
    window = verify.window(context.source, twin.config.vocab_size, min(256, written.context))
    with torch.inference_mode():
        expected = twin(torch.from_numpy(window.ids)).logits[0].float().numpy()
    facts: Facts = {"compared on": window.source}
    if kinds == {"F32"}:
        error = verify.relative_error(_logits(_opened(context, ExactSession), window.ids), expected)
        facts["relative error"] = error
        if not error <= TOLERANCE:
            raise _different(f"its logits differ by {error:.1%} of the largest")
    kl = verify.divergence(expected, _logits(_opened(context), window.ids))
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
    return kind(
        OpenRequest(
            step=context.step,
            notice=context.notice,
            folder=context.destination,
            artefact=_artefact(context, 0, {}),
            threads=context.target.threads or suggested_threads(context.target.replicas),
            device=context.target.device,
        )
    )


def _artefact(context: BuildContext, weight_bytes: int, facts: Facts) -> Artefact:
    """The manifest of what lies in `context.destination`."""
    here = context.destination
    return Artefact(
        runtime="llamacpp",
        task=context.info.task,
        target=context.target,
        weight_bytes=weight_bytes,
        files=tuple(sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file())),
        facts=facts,
    )


def _copy_companions(context: BuildContext) -> None:
    """Put tokenizer, licence, a plain config.json and the example beside the file."""
    for name in checkpoint_files(context.source):
        if name.suffix == ".safetensors" or name.name in ("config.json", "model.safetensors.index.json", SIDE_FILE):
            continue
        link_or_copy(context.source / name, context.destination / name)
    config = json.loads((context.source / "config.json").read_text(encoding="utf-8"))
    # What describes the checkpoint's weights does not describe the file's; the last may name a folder of this machine.
    for key in ("quantization_config", "hasten", "_name_or_path"):
        config.pop(key, None)
    (context.destination / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if not (context.destination / "tokenizer.json").is_file():
        load_tokenizer(context.source).save_pretrained(context.destination)
    shutil.copyfile(_EXAMPLE, context.destination / _EXAMPLE.name)
