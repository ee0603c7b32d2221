"""Measure this machine: which threads, cores and memory pages decode fastest, runtime by runtime."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine import hardware, paths
from engine.bench.conditions import BUSY_PERCENT
from engine.bench.settings_race import Runner, race
from engine.bench.statistics import speedup, verdict
from engine.catalogue import load
from engine.checkpoint.info import CheckpointInfo
from engine.checkpoint.inspect import inspect, read_config
from engine.drafts import scratch
from engine.jobs.base import JobContext
from engine.parallel import placement, tuning
from engine.parallel.tuning import MachineTuning, RuntimeTuning, Setting, Trial
from engine.passes import catalog as passes
from engine.passes.base import PassContext
from engine.protocol.errors import UserError
from engine.protocol.job import TuneMachineJob
from engine.recipe.options import parse_options
from engine.recipe.recipe import Target
from engine.room import require_memory
from engine.runtimes import catalog as runtimes
from engine.runtimes.base import BuildContext, RuntimeSpec
from engine.runtimes.limits import context_length
from engine.runtimes.open import write_artefact

PROMPT_TOKENS = 32
# A runtime that takes longer to open (it compiles) is measured only when it is asked for by name.
OPENS_QUICKLY_SECONDS = 30.0
_FEW_CORES = 8  # up to here every number of threads is tried
_PROCESS_SHARE = 3  # a process takes about this many times its weights


@dataclass(frozen=True)
class _Model:
    """What is measured with.

    Attributes:
        plain, packed: its checkpoint folder, and that with 8-bit weights; the same where its widths do not allow them.
    """

    name: str
    plain: Path
    packed: Path


def handle(job: TuneMachineJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; the MachineTuning of this machine as JSON, findings of earlier measurements included.

    Raises UserError when no runtime can be measured, a model does not open, or memory runs out.
    """
    context.sessions.clear()
    found: dict[str, RuntimeTuning] = {}
    with tuning.unpinned(tuning.cpus_at_start()), scratch(paths.home() / "cache" / "tuning") as room:
        model = _model(job, room, context)
        for name in job.runtimes or runtimes.all_runtimes():
            try:
                tuned = _measured(runtimes.get(name), model, room / f"built-{name}", job, context)
            except UserError as error:
                if job.runtimes or error.code == "not_enough_memory":
                    raise
                context.notice(f"{runtimes.get(name).title} was left out: {error.cause}")
                continue
            if tuned is not None:
                found[name] = tuned
    if not found:
        raise UserError("No runtime could be measured here.", "“hasten doctor” says what is missing.")
    measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    machine = MachineTuning(cpu=hardware.cpu_name(), measured_at=measured_at, runtimes=found)
    tuning.keep(machine)
    return (tuning.read() or machine).model_dump(mode="json")


def thread_counts(cores: int, processors: int) -> tuple[int, ...]:
    """The numbers of threads worth a try on `cores` physical cores with `processors` logical ones, in rising order."""
    if cores <= _FEW_CORES:
        few = set(range(1, cores + 1))
    else:
        few = {2**power for power in range(int(math.log2(cores)) + 1)} | {3 * cores // 4, cores}
    return tuple(sorted(few | {processors}))


def _measured(
    spec: RuntimeSpec, model: _Model, folder: Path, job: TuneMachineJob, context: JobContext
) -> RuntimeTuning | None:
    """What is best for `spec`; None where it cannot be measured, or opens too slowly to be measured unasked."""
    why_not = _why_not(spec, inspect(model.plain))
    if not why_not:
        return _tune(spec, _built(spec, model, folder, context), model, job, context)
    if job.runtimes:
        raise UserError(f"{spec.title} cannot be measured here: {why_not}", "Choose another runtime.", where=spec.name)
    return None


def _tune(
    spec: RuntimeSpec, folder: Path, model: _Model, job: TuneMachineJob, context: JobContext
) -> RuntimeTuning | None:
    """What is best for `spec`; None where it opens too slowly to be measured unasked."""
    default = Setting(threads=placement.physical_cores())
    cpus = placement.usable_cpus()
    context.progress(0, 0, f"Opening {spec.title}")
    began = time.monotonic()
    Runner(folder, default, cpus, context.check).close()
    if not job.runtimes and time.monotonic() - began > OPENS_QUICKLY_SECONDS:
        context.notice(f"{spec.title} takes long to open and was left out; name it to measure it.")
        return None
    weights = json.loads((folder / "hasten.json").read_text(encoding="utf-8"))["weight_bytes"]
    trials: list[Trial] = []
    others: list[float] = []

    def run(title: str, settings: Sequence[Setting], rounds: int) -> list[list[float]]:
        require_memory(_PROCESS_SHARE * int(weights) * len(settings), f"Measuring {spec.title}")
        step = _Steps(context, f"{spec.title}: {title}", rounds * len(settings))
        prompts = _prompts(model.plain, rounds, job.new_tokens)
        made = race(folder, settings, cpus, prompts, job.new_tokens, context.check, step)
        others.append(made.others_percent)
        return made.seconds

    def try_all(title: str, settings: Sequence[Setting]) -> Setting:
        """The quickest of `settings`, of which the first is what the others are compared with."""
        if len(settings) == 1:
            return settings[0]
        seconds = run(title, settings, job.rounds)
        for setting, own in zip(settings, seconds, strict=True):
            rate = 1 / float(np.median(own))
            trials.append(Trial(setting=setting, tokens_per_second=rate, speedup=speedup(seconds[0], own)))
        return settings[min(range(len(settings)), key=lambda place: float(np.median(seconds[place])))]

    counts = thread_counts(default.threads, len(cpus))
    threads = try_all("threads", [default, *(Setting(threads=n) for n in counts if n != default.threads)])
    best = try_all("cores and memory pages", [threads, *_variants(threads)])
    gain = None
    if best != default:  # fresh rounds: the best of several is partly the luckiest
        reference, candidate = run("confirming the best", [default, best], job.rounds)
        gain = speedup(reference, candidate)
    disturbance = max(others, default=0.0)
    if disturbance > BUSY_PERCENT:
        context.notice(
            f"Other programs used {disturbance:.0f} % of the processors while {spec.title} was measured, so nothing "
            "follows from it: close them and measure again."
        )
    return RuntimeTuning(
        version=spec.availability().version,
        model=model.name,
        default=default,
        best=best,
        speedup=gain,
        proven=gain is not None and disturbance <= BUSY_PERCENT and verdict(gain) == "faster",
        others_percent=disturbance,
        trials=tuple(trials),
    )


def _variants(setting: Setting) -> list[Setting]:
    """`setting` with everything that this system lets a process choose for itself."""
    pins = (False, True) if tuning.has_siblings() and setting.threads <= placement.physical_cores() else (False,)
    pages = (False, True) if tuning.huge_pages_on_request() else (False,)
    made = [Setting(threads=setting.threads, pinned=pin, huge_pages=huge) for pin in pins for huge in pages]
    return [variant for variant in made if variant != setting]


class _Steps:
    """Progress over the answers of a race."""

    def __init__(self, context: JobContext, title: str, total: int) -> None:
        self._context, self._title, self._total, self._done = context, title, total, 0
        context.progress(0, total, title, unit=title)

    def __call__(self, setting: Setting) -> None:
        self._done += 1
        self._context.progress(self._done, self._total, f"{self._title} ({setting})", unit=self._title)


def _model(job: TuneMachineJob, room: Path, context: JobContext) -> _Model:
    if job.checkpoint is not None:
        plain = Path(job.checkpoint)
        name = plain.name
    elif paths.sample().is_dir():
        plain, name = paths.sample(), paths.sample().name
    else:
        context.progress(0, 0, "Making a random model")
        from engine.bench.stand_in import write_stand_in

        plain, name = write_stand_in(room / "model"), "a random model"
    info = inspect(plain)
    if info.task != "text-generation":
        raise UserError(f"{name} is not a decoder.", "Choose a decoder.", where=str(plain))
    spec = passes.get("quantize")
    options = parse_options(spec.options, {"head": 8}, spec.name)
    if any(problem.severity == "stop" for problem in spec.check(info, options, 0)):
        return _Model(name, plain, plain)
    packed = room / "packed"
    packed.mkdir()
    load(spec.run)(
        PassContext(
            step=_shown(context, "Preparing the model"), notice=context.notice, source=plain, destination=packed,
            info=info, options=options, threads=placement.physical_cores(),
        )
    )  # fmt: skip
    return _Model(name, plain, packed)


def _built(spec: RuntimeSpec, model: _Model, folder: Path, context: JobContext) -> Path:
    """The model built for `spec`: with 8-bit weights where that makes it read less, else as it is."""
    target = Target(runtime=spec.name)
    options = parse_options(spec.options, {}, spec.name)
    plain, packed = inspect(model.plain), inspect(model.packed)
    smaller = spec.weight_bytes(packed, options) < spec.weight_bytes(plain, options)
    held = not any(problem.severity == "stop" for problem in spec.check(packed, options, target))
    source, info = (model.packed, packed) if smaller and held else (model.plain, plain)
    folder.mkdir()
    artefact = load(spec.build)(
        BuildContext(
            step=_shown(context, f"Building for {spec.title}"), notice=lambda text: None, source=source,
            destination=folder, info=info, options=options, target=target,
        )
    )  # fmt: skip
    write_artefact(folder, artefact)
    return folder


def _why_not(spec: RuntimeSpec, info: CheckpointInfo) -> str:
    """Why `spec` cannot be measured with a model of layout `info`; "" if it can."""
    availability = spec.availability()
    if not availability.usable or "cpu" not in availability.devices:
        return availability.reason or "it does not compute on the processor."
    if info.task not in spec.tasks:
        return "it does not run decoders."
    problems = spec.check(info, parse_options(spec.options, {}, spec.name), Target(runtime=spec.name))
    return next((problem.text for problem in problems if problem.severity == "stop"), "")


def _prompts(folder: Path, count: int, new_tokens: int) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    config = read_config(folder)
    length = max(1, min(PROMPT_TOKENS, context_length(folder) - new_tokens))
    random = np.random.default_rng(0)
    return [random.integers(4, int(config["vocab_size"]), length, dtype=np.int64) for _ in range(count)]


def _shown(context: JobContext, title: str) -> Callable[[float, float, str], None]:
    return lambda done, total, text: context.progress(done, total, title, unit=title)
