"""How a model's metrics differ from the original's on the same cases, in words. Free of torch."""

from __future__ import annotations

from engine.compare.evidence import HarnessScore
from engine.compare.format import format_number
from engine.compare.table import Candidate, Change
from engine.metrics.catalog import get

# Of texts of the user's the verdict names the first of these that was measured.
OF_TEXTS = ("rouge_l", "bleu", "word_error_rate")


def interval_words(change: Change) -> str:
    """The difference with its interval: "−0.3 (−0.9 to +0.2, 99 % sure, 40 cases)"."""
    value, low, high = (signed(x) for x in (change.value, change.low, change.high))
    return f"{value} ({low} to {high}, {change.confidence * 100:.0f} % sure, {change.samples} cases)"


def proof(change: Change) -> str:
    """Whether a difference is more than the choice of cases: "worse", "not proven better", "the same"."""
    if change.value == 0:
        return "the same"
    word = "better" if (change.value > 0) == (get(change.name).better == "higher") else "worse"
    return word if change.proven else f"not proven {word}"


def of_texts(reference: Candidate, candidate: Candidate) -> str:
    """How near the answers to the user's texts come to the references, against the original's; empty without them."""
    for name in OF_TEXTS:
        before, after, change = reference.measured(name), candidate.measured(name), candidate.changed(name)
        if before is not None and after is not None and change is not None:
            first, second = format_number(before.value), format_number(after.value)
            found = proof(change)
            doubt = f": {found}" if found.startswith("not") else ""
            return f"{get(name).title} {second}, {first} before{doubt}"
    return ""


def score_words(found: HarnessScore, candidate: int) -> str:
    """A figure of the harness with its standard error: "0.412 ± 0.049"."""
    error = found.errors[candidate]
    value = format_number(found.values[candidate])
    return value if error is None else f"{value} ± {format_number(error, 2)}"


def score_change(found: HarnessScore, candidate: int = 1) -> str:
    """How a candidate differs from the first one in a task, and whether that is proven."""
    change = signed(found.values[candidate] - found.values[0])
    test, difference = found.tests[candidate], found.differences[candidate]
    if test is not None:
        change += f" ({test.lost} lost, {test.gained} gained)"
    elif difference is not None:
        change += f" ({signed(difference[1])} to {signed(difference[2])}, 99 % sure)"
    proven = found.proven(candidate)
    if found.values[candidate] == found.values[0] or proven is None:
        return change
    return change if proven else f"{change}, not proven"


def signed(value: float) -> str:
    """A difference with its sign: "+0.2", "−0.9", "±0"."""
    return "±0" if value == 0 else f"{'+' if value > 0 else '−'}{format_number(abs(value))}"
