"""How a model's metrics differ from the original's on the same cases, in words. Free of torch."""

from __future__ import annotations

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


def signed(value: float) -> str:
    """A difference with its sign: "+0.2", "−0.9", "±0"."""
    return "±0" if value == 0 else f"{'+' if value > 0 else '−'}{format_number(abs(value))}"
