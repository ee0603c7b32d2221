"""Compare candidates with the first one: live answers, interleaved timing, memory, quality, a verdict."""

from __future__ import annotations

from typing import Any

from engine.bench.candidates import Open, diffs_of, find, open_all, same_vocabulary
from engine.bench.conditions import cache_bytes, load_before, machine
from engine.bench.observe import Observer
from engine.bench.questions import compare_pairs
from engine.bench.texts import builtin_prompts
from engine.compare.evidence import PairedTest
from engine.compare.reasons import Known, known_of, likely_reason
from engine.compare.table import AnswerDiff, Candidate, Comparison, Conditions
from engine.compare.verdict import alone, judge
from engine.jobs.base import JobContext
from engine.metrics.base import DECODERS, Observed
from engine.metrics.catalog import all_metrics
from engine.metrics.measure import changes, measure_all
from engine.protocol.errors import UserError
from engine.protocol.events import Measured
from engine.protocol.job import CompareJob
from engine.protocol.measurement import Measurement
from engine.runs.store import RunStore
from engine.runtimes.base import Session


def handle(job: CompareJob, context: JobContext) -> dict[str, Any]:
    """Run `job`; the Comparison as JSON, saved beside the run of each candidate that is one.

    Raises UserError when a candidate cannot be opened or the candidates are for different tasks.
    """
    context.sessions.clear()  # the comparison needs the memory that a chat left in use
    places = find(job.candidates, context.steps(unit="file"))
    conditions: Conditions = {**machine(), **load_before()}
    opened: list[Open] = []
    try:
        open_all(places, job.threads, context.steps(unit="model"), opened)
        comparison = _compare(job, context, opened, conditions)
    finally:
        for candidate in opened:
            candidate.session.close()
    result = comparison.model_dump(mode="json")
    for run in dict.fromkeys(place.run for place in places if place.run):
        RunStore().save_comparison(run, result)
    return result


def _compare(job: CompareJob, context: JobContext, opened: list[Open], conditions: Conditions) -> Comparison:
    sessions = [candidate.session for candidate in opened]
    if len({session.task for session in sessions}) > 1:
        raise UserError(
            f"The candidates are for different tasks: {', '.join(sorted({s.task for s in sessions}))}.",
            "Compare models that do the same job.",
        )
    observer = Observer(job, context, opened, same_vocabulary([candidate.tokenizer for candidate in opened]))
    prompts = tuple(job.prompts) or builtin_prompts()
    decoder = sessions[0].task in DECODERS
    if (job.questions or job.pairs or job.harness) and not decoder:
        what = "Questions" if job.questions else "Text pairs" if job.pairs else "Tasks of lm-eval"
        raise UserError(
            f"{what} are for models that write text, and these do not.",
            f"Leave the {what[:1].lower()}{what[1:]} out, or compare others.",
        )
    observer.doing.prepare()  # what cannot be asked is told before hours of measuring
    answers = observer.answers(prompts) if decoder else [[] for _ in opened]
    diffs = observer.seen(diffs_of(answers, lambda index: observer.same_tokens), answers)
    observed = [Observed(session.weight_bytes) for session in sessions]
    observed = observer.parted(observed, diffs, answers)
    _report(context, sessions, observed, {"weight_bytes"})
    observed = observer.load(observer.replicas(observer.timing(observed)))
    grid = observer.grid()
    if job.quality:
        observed = observer.quality(observed)
        _report(context, sessions, observed, None)
    second = observer.second_text(observed)
    observed = observer.tasks(observed)
    if job.memory:
        observed = observer.memory(observed)
    measurements = _report(context, sessions, observed, None)
    candidates = [
        Candidate(
            name=candidate.place.name,
            reference=candidate.place.reference,
            runtime=candidate.session.runtime,
            device=candidate.session.device,
            measurements=measurements[index],
            answers=tuple(answers[index]),
            deadline=observer.deadline(observed[index]),
            load_deadline=observer.load_deadline(observed[index]),
            second=_quality(second[index], candidate.session, index) if second else (),
            questions=_paired(observed, index),
            memory=peaks.trace if (peaks := observed[index].peaks) else (),
            changes=changes(observed[0], observed[index], candidate.session.task) if index else (),
        )
        for index, candidate in enumerate(opened)
    ]
    known = [
        known_of(candidate.place.folder, candidate.session.weight_bytes, rate.value if rate else 0.0)
        for candidate, made in zip(opened, candidates, strict=True)
        for rate in [made.measured("decode_tokens_per_second")]
    ]
    conditions = {**conditions, **observer.shape}
    conditions["busy"] = bool(conditions["busy"]) or observer.disturbed
    found = _conclude(candidates, observed, observer, prompts if decoder else (), diffs, conditions, known)
    return found.model_copy(update={"grid": tuple(grid)})


def _conclude(
    candidates: list[Candidate],
    observed: list[Observed],
    observer: Observer,
    prompts: tuple[str, ...],
    diffs: tuple[AnswerDiff, ...],
    conditions: Conditions,
    known: list[Known],
) -> Comparison:
    """The comparison with verdicts and answer differences."""
    seconds = [observer.seconds(one) for one in observed]
    cache, busy = cache_bytes(), bool(conditions.get("busy"))
    judged = candidates[:1]
    for candidate, own, facts in zip(candidates[1:], seconds[1:], known[1:], strict=True):
        ratio = observer.stopping.speedup(seconds[0], own)
        reason = likely_reason(known[0], facts, ratio, cache if candidate.device == "cpu" else None)
        judged.append(judge(candidates[0], candidate, ratio, busy=busy, reason=reason))
    others = judged[1:]
    if not others:
        text = alone(judged[0])
    elif len(others) == 1:
        text = others[0].verdict_text
    else:
        text = "\n".join(f"{other.name}: {other.verdict_text}" for other in others)
    return Comparison(
        verdict=(others[0].verdict if others else None) or "not_proven",
        verdict_text=text,
        candidates=tuple(judged),
        diffs=diffs,
        prompts=prompts,
        questions=observer.doing.asked,
        pairs=observer.doing.paired,
        harness=observer.doing.scored,
        classified=observer.judged.classified,
        embedded=observer.judged.embedded,
        conditions=conditions,
        notices=tuple(observer.notices),
    )


def _quality(observed: Observed, session: Session, index: int) -> tuple[Measurement, ...]:
    """The quality measurements alone."""
    found = measure_all(observed, session.task, is_reference=index == 0)
    return tuple(m for m in found if all_metrics()[m.name].kind == "quality")


def _paired(observed: list[Observed], index: int) -> PairedTest | None:
    """How the candidate's right answers compare with the first one's; None for the first, or without questions."""
    first, own = observed[0].answered, observed[index].answered
    if index == 0 or first is None or own is None:
        return None
    return compare_pairs([bool(right) for right in first], [bool(right) for right in own])


def _report(
    context: JobContext, sessions: list[Session], observed: list[Observed], only: set[str] | None
) -> list[tuple[Any, ...]]:
    """Emit the final measurements known so far (all, or those named) and return all."""
    found = []
    for index, (session, one) in enumerate(zip(sessions, observed, strict=True)):
        measurements = measure_all(one, session.task, is_reference=index == 0)
        for measurement in measurements:
            if only is None or measurement.name in only:
                context.emit(Measured(job=context.job, candidate=index, measurement=measurement))
        found.append(measurements)
    return found
