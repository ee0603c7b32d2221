"""Build a TensorRT engine: a plain graph parsed, compiled for the GPU, sealed, verified against the torch model."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine import paths
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.links import checkpoint_files, link_or_copy
from engine.parallel.placement import suggested_threads
from engine.protocol.errors import Cancelled, UserError
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext, OpenRequest, TextBatch
from engine.runtimes.limits import context_length
from engine.runtimes.tensorrt import graph
from engine.runtimes.tensorrt.limits import Profile, decoder_profiles, encoder_profile, room
from engine.runtimes.tensorrt.seal import PLAN, SETTINGS, seal
from engine.runtimes.tensorrt.session import open_session

_MIB = 1 << 20


def build(context: BuildContext) -> Artefact:
    """Fill `context.destination` with engine.plan, its seal, configuration and tokenizer.

    Raises UserError when TensorRT cannot build the model or it computes something else than the checkpoint; Cancelled.
    """
    import tensorrt as trt

    context.step(0, 0, "Loading the checkpoint")
    precision = context.options.precision
    dtype = None if precision == "automatic" else getattr(torch, precision)
    twin = load_model(context.source, dtype=dtype)
    tied = bool(getattr(twin.config, "tie_word_embeddings", False))
    profiles, settings = profiles_of(twin, context)
    with tempfile.TemporaryDirectory(dir=context.destination.parent) as scratch:
        context.step(0, 0, "Writing the graph")
        plain = graph.plain_graph(twin, context.info.task)
        integer = graph.put_grids(plain, Reader(context.source), tied=tied)
        weight_bytes = graph.save(plain, Path(scratch) / "model.onnx")
        plan = compile_engine(trt, Path(scratch) / "model.onnx", profiles, context)
    with (context.destination / PLAN).open("wb") as file:
        file.write(plan)
    (context.destination / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")
    seal(context.destination, torch.cuda.get_device_name(), trt.__version__)
    for name in checkpoint_files(context.source):
        if name.suffix != ".safetensors" and name.name != "model.safetensors.index.json":
            link_or_copy(context.source / name, context.destination / name)
    here = context.destination
    artefact = Artefact(
        runtime="tensorrt", task=context.info.task, target=context.target, weight_bytes=weight_bytes,
        files=tuple(sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file())),
        facts={"integer products": integer, "TensorRT": trt.__version__, "GPU": torch.cuda.get_device_name()},
    )  # fmt: skip
    return artefact.model_copy(update={"facts": {**artefact.facts, **_verify(context, artefact, dtype)}})


def profiles_of(twin: Any, context: BuildContext) -> tuple[tuple[Profile, ...], dict[str, Any]]:
    """The profiles that the engine is compiled for, and what its session has to know of them."""
    batch = context.options.batch
    longest = min(context.options.context, context_length(context.source))
    if context.info.task != "text-generation":
        return (encoder_profile(batch, longest),), {"batch": batch, "longest": longest}
    past = graph.sample_past(twin, 1)
    _, heads, _, width = past[0][0].shape
    layers, positions = len(past), room(longest)
    settings = {
        "batch": batch, "longest": longest, "positions": positions, "layers": layers, "heads": heads, "width": width,
        "cache": str(past[0][0].dtype).removeprefix("torch."),
    }  # fmt: skip
    return decoder_profiles(layers, heads, width, batch, positions), settings


def compile_engine(trt: Any, model: Path, profiles: tuple[Profile, ...], context: BuildContext) -> Any:
    """The serialised engine of the ONNX file `model`. Raises UserError when TensorRT cannot build it; Cancelled.

    What kernels took is kept in Hasten's cache, so that building again is quicker.
    """
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network()  # strongly typed: since TensorRT 11 there is no other kind
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(model)):
        raise _cannot(str(parser.get_error(0).desc()))
    config = builder.create_builder_config()
    config.builder_optimization_level = context.options.effort
    if context.options.workspace:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, context.options.workspace * _MIB)
    for wanted in profiles:
        profile = builder.create_optimization_profile()
        for name, shapes in wanted.shapes.items():
            profile.set_shape(name, *shapes)
        config.add_optimization_profile(profile)
    timings = paths.home() / "cache" / f"tensorrt-{trt.__version__}.timings"
    kept = config.create_timing_cache(timings.read_bytes() if timings.is_file() else b"")
    config.set_timing_cache(kept, ignore_mismatch=False)
    monitor = monitor_of(trt, context)
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if monitor.stopped:
        raise Cancelled
    if plan is None:
        raise _cannot("the builder found no kernels for it")
    timings.parent.mkdir(parents=True, exist_ok=True)
    timings.write_bytes(kept.serialize())
    return plan


def monitor_of(trt: Any, context: BuildContext) -> Any:
    """A progress monitor that reports the outermost phase's steps, and ends the build once it is cancelled."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped = False
            self._steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            if parent is None:
                self._steps[phase] = steps

        def phase_finish(self, phase: str) -> None:
            self._steps.pop(phase, None)

        def step_complete(self, phase: str, step: int) -> bool:
            try:
                context.step(step if phase in self._steps else 0, self._steps.get(phase, 0), "Compiling the engine")
            except Cancelled:  # an exception cannot cross TensorRT
                self.stopped = True
            return not self.stopped

    return Monitor()


def _cannot(reason: str) -> UserError:
    return UserError(
        f"TensorRT cannot build this model: {reason.strip().rstrip('.')}.",
        "Choose ONNX Runtime or torch.compile for it.",
        code="unsupported_architecture",
    )


def _verify(context: BuildContext, artefact: Artefact, dtype: Any) -> dict[str, str | int | float | bool | None]:
    """How far the engine's outputs are from the torch model's. Raises UserError where that is too far."""
    context.step(0, 0, "Comparing with the original")
    twin = load_model(context.source, dtype=dtype, device="cuda")
    half = any(parameter.dtype != torch.float32 for parameter in twin.parameters())
    window = verify.window(context.source, twin.config.vocab_size, 200)
    session = open_session(
        OpenRequest(
            step=context.step, notice=context.notice, folder=context.destination, artefact=artefact,
            threads=suggested_threads(), device="cuda",
        )
    )  # fmt: skip
    ids = torch.from_numpy(window.ids).to("cuda")
    try:
        with torch.inference_mode():
            if context.info.task == "text-generation":
                found, expected = session.logits(window.ids), twin(input_ids=ids).logits
            else:
                found = session.hidden(TextBatch(window.ids, np.ones_like(window.ids)))
                expected = twin.base_model(input_ids=ids).last_hidden_state
    finally:
        session.close()
    tolerance = verify.TOLERANCE_HALF if half else verify.TOLERANCE
    error = verify.require_equal(found, expected.float().cpu().numpy(), tolerance)
    return {"relative error": error, "compared on": window.source}
