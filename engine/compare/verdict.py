"""The verdict in words that a student understands."""

from __future__ import annotations

from engine.bench.statistics import DISPLAY_CONFIDENCE, MARGIN, VERDICT_CONFIDENCE, speedup, verdict
from engine.compare.changes import of_texts
from engine.compare.deadline import deadline_words
from engine.compare.format import factor_interval, format_bytes, format_measurement, format_percent, format_ratio
from engine.compare.table import Candidate, Speedup
from engine.protocol.measurement import Measurement

# Wider than this (high / low) and the reader is told that a busy machine may be why.
_WIDE = 1.25


def judge(reference: Candidate, candidate: Candidate, ratio: Speedup, *, busy: bool, reason: str = "") -> Candidate:
    """`candidate` with verdict and sentence: "×5.3 faster (5.1–5.5, 99 % sure, 7 rounds) · 3.9 × smaller · …".

    `reason`: why it is likely not faster, if that is known.
    """
    parts = [
        speed_words(ratio),
        reason,
        _throughput(reference, candidate),
        _load(reference, candidate),
        _size(reference, candidate),
        _change("perplexity", reference, candidate),
        _change("accuracy", reference, candidate),
        _change("entity_f1", reference, candidate, "entity F1")
        or _change("tag_accuracy", reference, candidate, "tag accuracy"),
        _change("spearman", reference, candidate, "correlation with people"),
        _questions(reference, candidate),
        of_texts(reference, candidate),
        _agreement(candidate),
        _guessing(candidate),
        *_deadlines(reference, candidate),
    ]
    if busy and ratio.low > 0 and ratio.high / ratio.low > _WIDE:
        parts.append("the machine was busy: measure again when it is idle for a sharper answer")
    return candidate.model_copy(
        update={
            "verdict": verdict(ratio),
            "verdict_text": " · ".join(part for part in parts if part),
            "speedup": ratio,
        }
    )


def speed_words(ratio: Speedup) -> str:
    """The speed part of a verdict."""
    sure = f"{ratio.confidence * 100:.0f} % sure, {ratio.rounds} rounds"
    found = verdict(ratio)
    if found == "not_proven":
        value, low, high = factor_interval(ratio.value, ratio.low, ratio.high)
        margin = f"; less than {MARGIN * 100:.0f} % is never claimed" if ratio.low > 1 or ratio.high < 1 else ""
        return f"not proven faster (×{value}, between ×{low} and ×{high}, {sure}{margin})"
    if found == "faster":
        value, low, high = factor_interval(ratio.value, ratio.low, ratio.high)
        return f"×{value} faster ({low}–{high}, {sure})"
    value, low, high = factor_interval(1 / ratio.value, 1 / ratio.high, 1 / ratio.low)
    return f"×{value} slower ({low}–{high}, {sure})"


def alone(candidate: Candidate) -> str:
    """What is said of a single candidate, compared with nothing."""
    wanted = (
        "decode_tokens_per_second",
        "request_seconds",
        "load_requests_per_second",
        "weight_bytes",
        "peak_rss_bytes",
        "perplexity",
        "spearman",
    )
    words = [_words(m) for name in wanted if (m := candidate.measured(name)) is not None]
    asked = candidate.measured("task_accuracy")
    return " · ".join([*words, *([_right(asked)] if asked else []), *_deadlines(candidate, candidate)])


def _words(m: Measurement) -> str:
    value, unit = format_measurement(m)
    label = {
        "weight_bytes": " of weights", "peak_rss_bytes": " peak memory", "request_seconds": " a request",
        "load_requests_per_second": f" with {m.conditions.get('clients')} at once",
    }  # fmt: skip
    if m.name in ("perplexity", "spearman"):
        return f"{'perplexity' if m.name == 'perplexity' else 'correlation with people'} {value}"
    return f"{value} {unit}{label.get(m.name, '')}"


def _throughput(reference: Candidate, candidate: Candidate) -> str:
    """How many times more requests all copies answer together, where there are several."""
    before, after = reference.measured("requests_per_second"), candidate.measured("requests_per_second")
    if before is None or after is None or before.value <= 0:
        return ""
    copies = int(after.conditions.get("replicas") or 1)
    if max(copies, int(before.conditions.get("replicas") or 1)) == 1:
        return ""
    return (
        f"{format_ratio(after.value / before.value)} the requests/s with {copies} {'copy' if copies == 1 else 'copies'}"
    )


def _load(reference: Candidate, candidate: Candidate) -> str:
    """How many times more requests of several clients are answered, where these were measured."""
    before, after = reference.measured("load_requests_per_second"), candidate.measured("load_requests_per_second")
    if before is None or after is None:
        return ""
    first, own = ([1 / rate for rate in found.values] for found in (before, after))
    ratio = speedup(first, own, DISPLAY_CONFIDENCE)
    value, low, high = factor_interval(ratio.value, ratio.low, ratio.high)
    sure = f"{low}–{high}, {DISPLAY_CONFIDENCE * 100:.0f} % sure, {ratio.rounds} rounds"
    return f"×{value} the requests/s with {after.conditions['clients']} at once ({sure})"


def _size(reference: Candidate, candidate: Candidate) -> str:
    before, after = reference.measured("weight_bytes"), candidate.measured("weight_bytes")
    if before is None or after is None or before.value <= 0 or after.value <= 0:
        return ""
    ratio = before.value / after.value
    if 0.995 < ratio < 1.005:
        return "same size"
    larger = ratio < 1
    value, _, _ = factor_interval(1 / ratio if larger else ratio, 0, 0)
    return f"{value} × {'larger' if larger else 'smaller'} ({format_bytes(after.value)})"


def _change(name: str, reference: Candidate, candidate: Candidate, label: str = "") -> str:
    before, after = reference.measured(name), candidate.measured(name)
    if before is None or after is None or before.value == 0:
        return ""
    change = candidate.changed(name)
    doubt = ", not proven" if change is not None and change.value and not change.proven else ""
    return f"{label or name} {format_percent(after.value / before.value - 1, sign=True)}{doubt}"


def _deadlines(reference: Candidate, candidate: Candidate) -> list[str]:
    """Whether answers begin in time, on how many answers that rests, and how the reference fared."""
    found = []
    for first, own in (
        (reference.deadline, candidate.deadline), (reference.load_deadline, candidate.load_deadline)
    ):  # fmt: skip
        if own is None:
            continue
        claim, rests = deadline_words(own)
        if first is not None and first.met != own.met:
            rests += f"; {reference.name} {'met' if first.met else 'missed'} it"
        found += [claim, rests]
    return found


def _questions(reference: Candidate, candidate: Candidate) -> str:
    """How many of the user's questions are answered rightly, and whether a difference is more than chance."""
    before, after, test = reference.measured("task_accuracy"), candidate.measured("task_accuracy"), candidate.questions
    if before is None or after is None or test is None:
        return ""
    first = round(before.value * before.samples)
    if test.lost == test.gained:
        return f"{_right(after)}, as before"
    if test.p_value < 1 - VERDICT_CONFIDENCE:
        return f"{_right(after)}, {first} before"
    worse = "worse" if test.lost > test.gained else "better"
    return f"{_right(after)}, {first} before: {test.lost} lost and {test.gained} gained, not proven {worse}"


def _right(m: Measurement) -> str:
    return f"{round(m.value * m.samples)} of {m.samples} questions right"


def _guessing(candidate: Candidate) -> str:
    """That speed depends on the text, of one that guesses ahead."""
    if candidate.measured("acceptance_rate") is None:
        return ""
    return "it guesses ahead: text that repeats itself gains more, other text less"


def _agreement(candidate: Candidate) -> str:
    cosine = candidate.measured("cosine_agreement")
    if cosine is not None:
        return f"embeddings agree to {cosine.value:.4f}"
    first = candidate.measured("top1_agreement")
    if first is not None and candidate.measured("perplexity") is None:
        what = "words" if "words" in first.conditions else "texts"
        return f"same answer in {format_percent(first.value)} of {what}"
    return ""
