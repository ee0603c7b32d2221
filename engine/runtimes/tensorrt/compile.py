"""One engine: an ONNX file parsed and compiled for the GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine import paths
from engine.protocol.errors import Cancelled, UserError
from engine.runtimes.base import BuildContext
from engine.runtimes.tensorrt.limits import Profile

_MIB = 1 << 20


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
