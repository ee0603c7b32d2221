"""Token-level differences between two answers, joined into whole characters."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from engine.compare.table import Answer, AnswerDiff, AnswerToken, Segment


@dataclass(frozen=True)
class _Unit:
    """Tokens start..stop of an answer that together complete whole characters."""

    key: tuple[object, ...]
    text: str
    start: int
    stop: int


def diff(
    reference: Answer, candidate: Answer, *, prompt: int = 0, index: int = 1, same_tokens: bool = True
) -> AnswerDiff:
    """Align two answers.

    Args:
        prompt, index: the prompt and the candidate that the result speaks of.
        same_tokens: both use the same vocabulary; otherwise tokens are compared by their text alone.
    """
    left, right = _units(reference.tokens, same_tokens), _units(candidate.tokens, same_tokens)
    matcher = SequenceMatcher(None, [unit.key for unit in left], [unit.key for unit in right], autojunk=False)
    kinds = {"equal": "same", "replace": "changed", "delete": "removed", "insert": "added"}
    segments = tuple(
        Segment.model_validate(
            {
                "kind": kinds[tag],
                "reference_text": "".join(unit.text for unit in left[i1:i2]),
                "candidate_text": "".join(unit.text for unit in right[j1:j2]),
                "reference_tokens": _range(left, i1, i2),
                "candidate_tokens": _range(right, j1, j2),
            }
        )
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
    )
    first = _first_divergence(reference.tokens, candidate.tokens, same_tokens)
    return AnswerDiff(
        prompt=prompt,
        candidate=index,
        same=first is None,
        first_divergence=first,
        segments=segments,
        reference_probability=_probability(reference.tokens, first),
        candidate_probability=_probability(candidate.tokens, first),
    )


def _units(tokens: tuple[AnswerToken, ...], same_tokens: bool) -> list[_Unit]:
    """Group tokens so that no unit ends inside a character: a token without text joins the next one with text."""
    units, start = [], 0
    for position, token in enumerate(tokens):
        if token.text or position == len(tokens) - 1:
            group = tokens[start : position + 1]
            ids = tuple(t.id for t in group) if same_tokens else ()
            units.append(_Unit((token.text, *ids), token.text, start, position + 1))
            start = position + 1
    return units


def _range(units: list[_Unit], start: int, stop: int) -> tuple[int, int]:
    """Token positions that units start..stop cover; an empty range stands where the units would be."""
    if start < stop:
        return units[start].start, units[stop - 1].stop
    place = units[start].start if start < len(units) else (units[-1].stop if units else 0)
    return place, place


def _first_divergence(left: tuple[AnswerToken, ...], right: tuple[AnswerToken, ...], same_tokens: bool) -> int | None:
    for position, (a, b) in enumerate(zip(left, right, strict=False)):
        if (a.id != b.id) if same_tokens else (a.text != b.text):
            return position
    return None if len(left) == len(right) else min(len(left), len(right))


def _probability(tokens: tuple[AnswerToken, ...], position: int | None) -> float | None:
    return tokens[position].probability if position is not None and position < len(tokens) else None
