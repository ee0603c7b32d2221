"""Time a model part by part under its runtime's profiler, and as a whole without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.bench.statistics import over_rounds
from engine.catalogue import load
from engine.compare.module_times import ModuleTime, Phase, PhaseName, module_time
from engine.compare.modules import BETWEEN, Place
from engine.compare.table import Conditions
from engine.metrics.base import DECODERS
from engine.runtimes.base import Ids, OpenRequest, RuntimeSpec, Session, TextBatch
from engine.runtimes.profiled import Pass, Profiled

WARM_UP = 2  # passes of each phase before the timed ones
_ENOUGH = 6  # observations, after which a phase ends that has taken _LONG seconds
_LONG = 15.0

Call = Callable[[], object]
# step(text): may raise Cancelled.
Step = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is timed.

    Attributes:
        ids: the prompt [T].
        passes: how often each phase is run; less often where a pass takes long.
        step: told before each observation.
    """

    ids: Ids
    passes: int
    step: Step
    conditions: Conditions


def phases_of(task: str) -> tuple[PhaseName, ...]:
    """What there is to time for a model of `task`."""
    return ("decode", "prefill") if task in DECODERS else ("prefill",)


def profile_phase(spec: RuntimeSpec, request: OpenRequest, name: PhaseName, plan: Plan) -> Phase:
    """Time phase `name` of the model of `request`, whose runtime `spec` has a profiler: without it, then with it."""
    plain = _plain(load(spec.open)(request), name, plan)
    profiled: Profiled = load(spec.profile)(request)
    try:
        call = _prepared(profiled.session, name, plan)
        for _ in _repeats(max(2, plan.passes // profiled.together)):
            plan.step("Timing every node")
            profiled.observe(call)
        return _phase(name, plain, profiled.finish(), profiled.weight_bytes, plan.conditions)
    finally:
        profiled.close()


def _repeats(most: int) -> Iterator[int]:
    """Numbers up to `most`; fewer where each takes long."""
    started = time.perf_counter()
    for number in range(most):
        if number >= _ENOUGH and time.perf_counter() - started > _LONG:
            return
        yield number


def _plain(session: Session, name: PhaseName, plan: Plan) -> list[float]:
    """Seconds of every pass without the profiler. Closes the session."""
    found = []
    try:
        call = _prepared(session, name, plan)
        for _ in _repeats(plan.passes):
            plan.step("Timing without the profiler")
            started = time.perf_counter()
            call()
            found.append(time.perf_counter() - started)
    finally:
        session.close()
    return found


def _prepared(session: Session, name: PhaseName, plan: Plan) -> Call:
    """The call that phase `name` repeats, warmed up."""
    ids = plan.ids[None]
    batch = TextBatch(ids, np.ones_like(ids))
    plan.step("Warming up")
    if session.task not in DECODERS:
        ask = session.classify if session.task == "text-classification" else session.hidden
        call: Call = partial(ask, batch)
    elif name == "prefill":
        call = partial(session.prefill, ids)
    else:
        session.prefill(ids)
        call = partial(session.decode, ids[:, 0])
    for _ in range(WARM_UP):
        call()
    return call


def _phase(
    name: PhaseName,
    plain: Sequence[float],
    passes: Sequence[Pass],
    weights: Mapping[Place, int],
    conditions: Conditions,
) -> Phase:
    measure = "inter_token_latency_seconds" if name == "decode" else "request_seconds"
    places = {place for one in passes for place, _ in one.nodes}
    modules = [_module(place, passes, weights.get(place, 0)) for place in sorted(places, key=lambda p: p.order)]
    rest = [one.seconds - sum(one.nodes.values()) for one in passes]
    return Phase(
        name=name,
        seconds=over_rounds(measure, [one.seconds for one in passes], conditions),
        plain=over_rounds(measure, plain, conditions),
        modules=(*modules, module_time(BETWEEN, rest, 0, {}, {})),
    )


def _module(place: Place, passes: Sequence[Pass], weight_bytes: int) -> ModuleTime:
    seconds = [sum(spent for (own, _), spent in one.nodes.items() if own == place) for one in passes]
    operators: dict[str, float] = {}
    for one in passes:
        for (own, operator), spent in one.nodes.items():
            if own == place and operator:
                operators[operator] = operators.get(operator, 0.0) + spent / len(passes)
    ranked = dict(sorted(operators.items(), key=lambda item: -item[1]))
    return module_time(place, seconds, weight_bytes, ranked, {})
