"""Time models part by part, under their runtimes' profilers: in a run of its own, for profilers slow a model down."""

from __future__ import annotations

from functools import partial
from typing import Any

from engine.bench.candidates import Place as Candidate
from engine.bench.candidates import find
from engine.bench.conditions import load_before, machine
from engine.bench.module_profiler import Plan, phases_of, profile_phase
from engine.bench.texts import prompts_of, read_text
from engine.compare.module_times import ModelTimes, ModuleProfile, Phase
from engine.compare.table import Conditions
from engine.explain.matching import dropped_layers, kept_layers
from engine.jobs.base import JobContext
from engine.protocol.errors import UserError
from engine.protocol.job import ModulesJob
from engine.runs.record import RunRecord
from engine.runs.store import RunStore
from engine.runtimes.base import OpenRequest, RuntimeSpec
from engine.runtimes.limits import context_length
from engine.runtimes.open import request_of
from engine.text.tokenizer import load_tokenizer

_SHORTEST = 32
_DECODED = 256  # positions that are left free behind the prompt, or half of the context if it is shorter


def handle(job: ModulesJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; the ModuleProfile as JSON, kept beside the last candidate that is a run.

    Raises UserError where none of the models can be told apart.
    """
    context.sessions.clear()
    store = RunStore()
    places = find(job.candidates, context.steps(unit="file"))
    shortest = min(context_length(place.folder) for place in places)
    if shortest < _SHORTEST:
        raise UserError(f"A context of {shortest} tokens is too short to time a model in.", f"It takes {_SHORTEST}.")
    work = _Work(job, context, shortest)
    models = []
    for number, place in enumerate(places):
        record = store.get(place.run) if place.run else None
        found = work.model(place, record, number, len(places))
        if found is not None:
            models.append(found)
    if not models:
        raise UserError(
            work.notices[0], "Choose a model that one of the other runtimes runs.", code="unsupported_architecture"
        )
    result = ModuleProfile(
        models=tuple(models), prompt_tokens=work.prompt_tokens, conditions=work.conditions, notices=tuple(work.notices)
    ).model_dump(mode="json")
    runs = [place.run for place in places if place.run]
    if runs:
        store.save_profile(runs[-1], result)
    return result


class _Work:
    """One job in progress."""

    def __init__(self, job: ModulesJob, context: JobContext, length: int) -> None:
        """`length` is the shortest of the models' contexts."""
        self._job, self._context = job, context
        self.conditions: Conditions = {**machine(), **load_before(), "batch": 1, "device": "cpu"}
        self.notices: list[str] = []
        self.prompt_tokens = min(job.prompt_tokens, max(length - _DECODED, length // 2))
        self._passes = min(job.passes, (length - self.prompt_tokens) // 2)

    def model(self, place: Candidate, record: RunRecord | None, number: int, count: int) -> ModelTimes | None:
        """The profile of one candidate; None, and a notice, where its runtime tells nothing."""
        spec, request = request_of(place.folder, threads=self._job.threads, context=self._context.steps())
        why_not = _refusal(spec, request)
        if why_not:
            self._note(f"{place.name}: {why_not}")
            return None
        if request.artefact.target.speculation != "none":
            self._note(f"{place.name} is timed without guessing ahead: a token is then one pass.")
        self.conditions["threads"] = request.threads
        names = phases_of(request.artefact.task)
        prompt = prompts_of(load_tokenizer(place.folder), read_text(None)[0], self.prompt_tokens, 1)[0]
        phases = []
        for index, name in enumerate(names):
            step = partial(self._tell, number + index / len(names), count, place.name)
            plan = Plan(prompt, self._passes, step, self.conditions)
            phases.append(profile_phase(spec, request, name, plan))
        if record is not None:
            phases = [self._renumbered(phase, record) for phase in phases]
        return ModelTimes(reference=place.reference, name=place.name, runtime=spec.title, phases=tuple(phases))

    def _renumbered(self, phase: Phase, record: RunRecord) -> Phase:
        """Count the layers of `phase` as the run's original does."""
        if not any(entry.name == "prune_depth" for entry in record.recipe.active):
            return phase
        layers = {module.place.layer for module in phase.modules if module.place.layer is not None}
        try:
            kept = kept_layers(record, len(layers) + dropped_layers(record), len(layers))
        except UserError as error:
            self._note(error.cause)
            return phase
        modules = []
        for module in phase.modules:
            layer = module.place.layer
            if layer is not None:
                place = module.place.model_copy(update={"layer": kept[layer]})
                module = module.model_copy(update={"place": place})
            modules.append(module)
        return phase.model_copy(update={"modules": tuple(modules)})

    def _tell(self, done: float, count: int, name: str, text: str) -> None:
        self._context.progress(done, count, f"{name}: {text}", unit="model")

    def _note(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)
            self._context.notice(text)


def _refusal(spec: RuntimeSpec, request: OpenRequest) -> str:
    """Why the model of `request` cannot be timed part by part; empty where it can."""
    if not spec.profile:
        return f"{spec.title} does not tell what it spends its time on."
    if request.device != "cpu":
        return "Nodes are timed on the processor only: a GPU works on while the clock has stopped."
    return ""
