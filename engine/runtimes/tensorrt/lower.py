"""Build a TensorRT engine: plain graphs parsed, compiled for the GPU, sealed, verified against the torch model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.links import checkpoint_files, link_or_copy
from engine.parallel.placement import suggested_threads
from engine.runtimes import text2text_verify, verify
from engine.runtimes.base import Artefact, BuildContext, Floats, Ids, OpenRequest, TextBatch
from engine.runtimes.companions import Facts
from engine.runtimes.limits import context_length
from engine.runtimes.stored import Stored
from engine.runtimes.tensorrt import graph, text2text
from engine.runtimes.tensorrt.compile import compile_engine
from engine.runtimes.tensorrt.limits import Profile, answer_profiles, decoder_profiles, encoder_profile, room
from engine.runtimes.tensorrt.loaded import TensorRTSession
from engine.runtimes.tensorrt.seal import ANSWER_PLAN, PLAN, PROMPT_PLAN, SETTINGS, seal
from engine.runtimes.tensorrt.session import open_session
from engine.runtimes.text2text_verify import Trial

ONE_GRAPH = "one CUDA graph"
_STEPS = 8  # tokens that the graph is tried with


@dataclass(frozen=True)
class Part:
    """One engine: how its graph is written, and the profiles that it is compiled for."""

    write: Callable[[], ir.Model]
    profiles: tuple[Profile, ...]


def build(context: BuildContext) -> Artefact:
    """Fill `context.destination` with engines, their seal, configuration and tokenizer.

    Raises UserError when TensorRT cannot build the model or it computes something else than the checkpoint; Cancelled.
    """
    import tensorrt as trt

    context.step(0, 0, "Loading the checkpoint")
    precision = context.options.precision
    dtype = None if precision == "automatic" else getattr(torch, precision)
    twin = load_model(context.source, dtype=dtype)
    stored = Stored(twin, Reader(context.source))
    trial = None
    if context.info.task == "text2text-generation":
        context.step(0, 0, "Asking the original")
        trial = text2text_verify.ask_twin(context.source, twin, stored)
    parts, settings = parts_of(twin, context)
    integer = weight_bytes = 0
    with tempfile.TemporaryDirectory(dir=context.destination.parent) as scratch:
        for name, part in parts.items():
            context.step(0, 0, "Writing the graph")
            plain = part.write()
            integer += graph.put_grids(plain, stored)
            weight_bytes += graph.save(plain, Path(scratch) / f"{name}.onnx")
            plan = compile_engine(trt, Path(scratch) / f"{name}.onnx", part.profiles, context)
            with (context.destination / name).open("wb") as file:
                file.write(plan)
    (context.destination / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")
    seal(context.destination, torch.cuda.get_device_name(), trt.__version__)
    for path in checkpoint_files(context.source):
        if path.suffix != ".safetensors" and path.name != "model.safetensors.index.json":
            link_or_copy(context.source / path, context.destination / path)
    here = context.destination
    artefact = Artefact(
        runtime="tensorrt", task=context.info.task, target=context.target, weight_bytes=weight_bytes,
        files=tuple(sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file())),
        facts={"integer products": integer, "TensorRT": trt.__version__, "GPU": torch.cuda.get_device_name()},
    )  # fmt: skip
    context.step(0, 0, "Comparing with the original")
    half = any(parameter.dtype != torch.float32 for parameter in twin.parameters())
    del twin, parts  # what follows may load the model again
    compared = _compare(context, artefact, dtype, half) if trial is None else _repeat(context, artefact, trial, half)
    return artefact.model_copy(update={"facts": {**artefact.facts, **compared}})


def parts_of(twin: Any, context: BuildContext) -> tuple[dict[str, Part], dict[str, Any]]:
    """The engines of Transformers model `twin` by file name, and what their session has to know of them."""
    batch = context.options.batch
    longest = min(context.options.context, context_length(context.source))
    settings: dict[str, Any] = {"batch": batch, "longest": longest}
    task = context.info.task
    if task not in ("text-generation", "text2text-generation"):
        return {PLAN: Part(partial(graph.plain_graph, twin, task), (encoder_profile(batch, longest),))}, settings
    kept = graph.sample_past(twin, 1) if task == "text-generation" else text2text.sample_cross(twin)
    _, heads, _, width = kept[0][0].shape
    layers, positions = len(kept), room(longest)
    settings |= {
        "positions": positions, "layers": layers, "heads": heads, "width": width,
        "cache": str(kept[0][0].dtype).removeprefix("torch."),
    }  # fmt: skip
    if task == "text-generation":
        settings["graph"] = not _windowed(twin.config, positions)
        profiles = decoder_profiles(layers, heads, width, batch, positions)
        return {PLAN: Part(partial(graph.plain_graph, twin, task), profiles)}, settings
    return {
        PROMPT_PLAN: Part(partial(text2text.prompt_graph, twin), (encoder_profile(batch, longest),)),
        ANSWER_PLAN: Part(
            partial(text2text.answer_graph, twin), answer_profiles(layers, heads, width, batch, longest, positions)
        ),
    }, settings


def _compare(context: BuildContext, artefact: Artefact, dtype: Any, half: bool) -> Facts:
    """How far the engine's outputs are from the torch model's on the GPU. Raises UserError where that is too far."""
    twin, steps = load_model(context.source, dtype=dtype, device="cuda"), ""
    window = verify.window(context.source, twin.config.vocab_size, 200)
    session = _open(context, artefact)
    ids = torch.from_numpy(window.ids).to("cuda")
    try:
        with torch.inference_mode():
            if context.info.task == "text-generation":
                found, expected = session.logits(window.ids), twin(input_ids=ids).logits
                steps = _try_steps(session, window.ids, found, half)
            else:
                found = session.hidden(TextBatch(window.ids, np.ones_like(window.ids)))
                expected = twin.base_model(input_ids=ids).last_hidden_state
    finally:
        session.close()
    facts = _agreed(found, expected.float().cpu().numpy(), half, window.source)
    if steps:
        facts["decode step"] = steps
        if steps != ONE_GRAPH:
            _without_graph(context.destination)
    return facts


def _try_steps(session: Any, ids: Ids, whole: Floats, half: bool) -> str:
    """How single tokens are read: by one CUDA graph where that gives the logits `whole` [1, T, V] of `ids` too."""
    if session.steps is None:
        return "kernel by kernel, for the model looks back a fixed number of tokens"
    start = max(1, ids.shape[1] - _STEPS)
    found = [session.prefill(ids[:, :start]), *(session.decode(ids[:, at]) for at in range(start, ids.shape[1]))]
    if session.steps.refused:
        return f"kernel by kernel, for no CUDA graph could be recorded ({session.steps.refused})"
    off = np.abs(np.stack(found, 1) - whole[:, start - 1 :]).max() / np.abs(whole).max()
    if off > (verify.TOLERANCE_HALF if half else verify.TOLERANCE):
        return f"kernel by kernel, for a CUDA graph's logits were {off:.2g} off"
    return ONE_GRAPH


def _without_graph(folder: Path) -> None:
    """Let sessions of the engine in `folder` record no CUDA graph."""
    import tensorrt as trt

    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    (folder / SETTINGS).write_text(json.dumps({**settings, "graph": False}) + "\n", encoding="utf-8")
    seal(folder, torch.cuda.get_device_name(), trt.__version__)


def _windowed(config: Any, positions: int) -> bool:
    """Whether a layer of the model looks back fewer than `positions` tokens: hidden ones would count among them."""
    window = getattr(config, "sliding_window", None)
    return window is not None and window < positions


def _repeat(context: BuildContext, artefact: Artefact, trial: Trial, half: bool) -> Facts:
    """The same of an encoder-decoder, by what the torch model answered before."""
    found = trial.logits(_open(context, artefact), most=context.options.batch)
    return _agreed(found, trial.expected, half, trial.source)


def _agreed(found: Floats, expected: Floats, half: bool, source: str) -> Facts:
    error = verify.require_equal(found, expected, verify.TOLERANCE_HALF if half else verify.TOLERANCE)
    return {"relative error": error, "compared on": source}


def _open(context: BuildContext, artefact: Artefact) -> TensorRTSession:
    return open_session(
        OpenRequest(
            step=context.step, notice=context.notice, folder=context.destination, artefact=artefact,
            threads=suggested_threads(), device="cuda",
        )
    )  # fmt: skip
