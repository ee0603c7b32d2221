"""The user's own questions with expected answers: read from a file, judged, and compared pairwise. Free of torch."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.bench.records import Kind, fields_of, read_records
from engine.compare.evidence import PairedTest, Question
from engine.protocol.errors import UserError

_FIELDS = ("prompt", "expect", "how", "tolerance")
_REMEDY = "Give each question a prompt and what to expect; how is exact, contains, regex or numeric."
_KIND = Kind("questions", (".yaml", ".yml", ".jsonl", ".json", ".csv"), _REMEDY)
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|[-+−]?\.\d+")


def read_questions(path: str | Path | None) -> tuple[Question, ...]:
    """The questions in a YAML list, JSON Lines or CSV file; none for no path.

    Raises UserError naming the line that does not fit.
    """
    if path is None or not str(path).strip():
        return ()
    return tuple(_question(entry, where) for where, entry in read_records(path, _KIND))


def is_right(question: Question, answer: str) -> bool:
    """Whether `answer` is what `question` expects."""
    if question.how == "exact":
        return any(answer.strip() == text.strip() for text in question.expect)
    if question.how == "contains":
        return any(text.casefold() in answer.casefold() for text in question.expect)
    if question.how == "regex":
        return any(re.search(text, answer) for text in question.expect)
    number = last_number(answer)
    # Rounding of the last binary digit is not a wrong answer: 0.3 against 0.1 + 0.2.
    return number is not None and any(
        abs(number - float(text)) <= max(question.tolerance, 1e-9 * abs(float(text))) for text in question.expect
    )


def last_number(text: str) -> float | None:
    """The last number in `text`, where answers that reason first put their result (as GSM8K's usual rating does)."""
    found = _NUMBER.findall(text)
    return float(found[-1].replace(",", "").replace("−", "-")) if found else None


def compare_pairs(reference: Sequence[bool], candidate: Sequence[bool]) -> PairedTest:
    """McNemar's test in its exact form (McNemar 1947, "Note on the sampling error of the difference between correlated
    proportions"): of the questions that only one side answers rightly, each side would get half by chance."""
    lost = sum(a and not b for a, b in zip(reference, candidate, strict=True))
    gained = sum(b and not a for a, b in zip(reference, candidate, strict=True))
    apart = lost + gained
    tail = sum(math.comb(apart, k) for k in range(min(lost, gained) + 1)) / 2**apart
    return PairedTest(lost=lost, gained=gained, p_value=min(1.0, 2 * tail))


def _question(entry: Any, where: str) -> Question:
    fields = fields_of(entry, _FIELDS, ("prompt", "expect"), "a question", where, _KIND)
    expect = fields["expect"] if isinstance(fields["expect"], list) else [fields["expect"]]
    numeric = str(fields.get("how", "")).strip() == "numeric"
    try:
        question = Question.model_validate(
            {
                **fields,
                "prompt": str(fields["prompt"]).strip(),
                "expect": tuple(_text(value) for value in expect),
                **({"how": str(fields["how"]).strip().lower()} if "how" in fields else {}),
            }
        )
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise UserError(f"A question's “{name}” is “{fields[name]}”.", _REMEDY, where=where) from None
    if not question.prompt or not all(text.strip() for text in question.expect):
        raise UserError("A question's prompt or expected answer is empty.", _REMEDY, where=where)
    if question.tolerance < 0 or (question.tolerance and not numeric):
        raise UserError("A tolerance is a positive number, of numeric answers.", _REMEDY, where=where)
    for text in question.expect:
        _check(question, text, where)
    return question


def _check(question: Question, text: str, where: str) -> None:
    """Raises UserError where the expected `text` is not of the kind that `question` says."""
    if question.how == "numeric":
        try:
            float(text)
        except ValueError:
            raise UserError(f"The expected “{text}” is not a number.", _REMEDY, where=where) from None
    if question.how == "regex":
        try:
            re.compile(text)
        except re.error as error:
            raise UserError(
                f"The pattern “{text}” is not a regular expression: {error}.", _REMEDY, where=where
            ) from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
