"""What differs between candidates, case by case, as sentences and as a CSV or JSON file. Free of torch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.compare.changes import interval_words, proof
from engine.compare.evidence import Choice, TokenView
from engine.compare.table import AnswerToken, Comparison
from engine.metrics.catalog import get
from engine.protocol.errors import UserError

FIELDS = (
    "kind", "case", "text", "candidate", "position", "token", "aligned", "before", "after", "difference",
    "top_before", "top_after", "measure", "expected", "answer_before",
)  # fmt: skip
_NAMED = 60  # letters of a question in a sentence


def check_file(path: Path) -> None:
    """Raises UserError where differences cannot be written to `path`: another kind of file, or there already."""
    if path.suffix.lower() not in (".csv", ".json"):
        raise UserError(
            "Differences are written as CSV or JSON.", "Let the name end in .csv or .json.", where=str(path)
        )
    if path.exists():
        raise UserError(
            f"“{path}” exists already.", "Choose another name; Hasten never writes over what is there.", where=str(path)
        )


def write(comparison: Comparison, path: Path, *, replace: bool = False) -> None:
    """Write every difference of `comparison` to `path`, a CSV of `records` or a JSON list of them.

    Raises UserError for other names, for an existing file unless `replace`, and where the file cannot be written.
    """
    if not (replace and path.suffix.lower() in (".csv", ".json")):
        check_file(path)
    text = as_csv(comparison) if path.suffix.lower() == ".csv" else as_json(comparison)
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(
            f"The differences cannot be written: {error.strerror or error}.", "Choose another folder.", where=str(path)
        ) from error


def as_json(comparison: Comparison) -> str:
    """All `records` with the candidates' names."""
    names = [candidate.name for candidate in comparison.candidates]
    return json.dumps({"candidates": names, "differences": list(records(comparison))}, ensure_ascii=False, indent=1)


def as_csv(comparison: Comparison) -> str:
    """All `records` under a heading of FIELDS; lists of choices as “word 0.31; …”."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS)
    writer.writeheader()
    for record in records(comparison):
        plain = {key: _words(value) if isinstance(value, list) else value for key, value in record.items()}
        writer.writerow({key: _harmless(value) for key, value in plain.items()})
    return out.getvalue()


def records(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """One record a token of an answer, question, source text and metric, classified or embedded text, and candidate
    after the first.

    `before` and `after` are what the reference and the candidate say: probabilities of a token, whether a question is
    answered rightly, scores, classes, cosines. Fields that do not apply are absent.
    """
    yield from _tokens(comparison)
    for index in range(1, len(comparison.candidates)):
        name = comparison.candidates[index].name
        for case, result in enumerate(comparison.questions, 1):
            yield {
                "kind": "question", "case": case, "text": result.question.prompt, "candidate": name,
                "token": result.answers[index], "before": result.right[0], "after": result.right[index],
            }  # fmt: skip
        yield from _pairs(comparison, index)
        if comparison.classified is not None:
            names = comparison.classified.names
            for case, text in enumerate(comparison.classified.texts, 1):
                yield {
                    "kind": "class", "case": case, "text": text.text, "candidate": name, "token": text.word,
                    "before": names[text.classes[0]], "after": names[text.classes[index]],
                    "difference": round(text.change(index), 6),
                }  # fmt: skip
        for case, embedded in enumerate(comparison.embedded, 1):
            yield {
                "kind": "embedding", "case": case, "text": embedded.text, "candidate": name,
                "difference": round(1 - embedded.cosines[index], 6),
                "top_before": [[comparison.embedded[i].text, i + 1] for i in embedded.neighbours[0]],
                "top_after": [[comparison.embedded[i].text, i + 1] for i in embedded.neighbours[index]],
            }  # fmt: skip


def case_words(comparison: Comparison) -> Iterator[str]:
    """A sentence for each question whose answer became right or wrong, for each metric compared on the same cases, and
    counts of flipped labels and neighbours."""
    for index, candidate in enumerate(comparison.candidates[1:], 1):
        for place, result in enumerate(comparison.questions, 1):
            if result.right[index] != result.right[0]:
                now = "rightly, unlike the original" if result.right[index] else "wrongly, unlike the original"
                text = " ".join(result.question.prompt.split())
                shown = text if len(text) <= _NAMED else text[: _NAMED - 1] + "…"
                yield f"Question {place}: {candidate.name} answers {now} (“{shown}”)."
        for change in candidate.changes:
            title = get(change.name).title
            yield f"{title} of {candidate.name} against the original: {interval_words(change)}, {proof(change)}."
        if comparison.classified is not None:
            found = comparison.classified
            what = "words" if found.of_words else "texts"
            yield f"{candidate.name} gives another label to {found.flips(index)} of {found.count} {what}."
        if comparison.embedded:
            moved = sum(bool(text.lost(index)) for text in comparison.embedded)
            yield f"{candidate.name} has other nearest texts for {moved} of {len(comparison.embedded)} texts."


def _pairs(comparison: Comparison, index: int) -> Iterator[dict[str, Any]]:
    for case, result in enumerate(comparison.pairs, 1):
        common = {
            "kind": "pair", "case": case, "text": result.pair.source, "candidate": comparison.candidates[index].name,
            "token": result.answers[index], "expected": " / ".join(result.pair.references),
            "answer_before": result.answers[0],
        }  # fmt: skip
        for name, each in result.scores.items():
            difference = round(each[index] - each[0], 6)
            yield {**common, "measure": name, "before": each[0], "after": each[index], "difference": difference}
        if not result.scores:
            yield common


def _tokens(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for diff in comparison.diffs:
        reference, candidate = comparison.candidates[0], comparison.candidates[diff.candidate]
        for writer, views, own_first in (
            (reference, diff.reference_views, True),
            (candidate, diff.candidate_views, False),
        ):
            apart = {
                place
                for s in diff.segments
                if s.kind != "same"
                for place in range(*(s.reference_tokens if own_first else s.candidate_tokens))
            }
            tokens = writer.answers[diff.prompt].tokens
            for place, token in enumerate(tokens):
                yield {
                    "kind": "token", "case": diff.prompt + 1, "text": comparison.prompts[diff.prompt],
                    "candidate": candidate.name, "position": place + 1, "token": token.text,
                    "aligned": "only the original" if own_first and place in apart
                    else "only the candidate" if place in apart else "both",
                    **_probabilities(views[place] if place < len(views) else None, token, own_first),
                }  # fmt: skip


def _probabilities(view: TokenView | None, token: AnswerToken, own_first: bool) -> dict[str, Any]:
    if view is None:
        return {("before" if own_first else "after"): token.probability}
    before, after = (view.own, view.other) if own_first else (view.other, view.own)
    tops = (view.own_top, view.other_top) if own_first else (view.other_top, view.own_top)
    return {
        "before": before, "after": after, "difference": round(after - before, 5),
        "top_before": [list(choice) for choice in tops[0]], "top_after": [list(choice) for choice in tops[1]],
    }  # fmt: skip


def _words(choices: list[Choice]) -> str:
    return "; ".join(f"{text} {value:g}" for text, value in choices)


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula begins with an apostrophe instead."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
