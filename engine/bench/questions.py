"""The user's own questions with expected answers: read from a file, judged, and compared pairwise. Free of torch."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.compare.evidence import PairedTest, Question
from engine.protocol.errors import UserError

_FIELDS = ("prompt", "expect", "how", "tolerance")
_REMEDY = "Give each question a prompt and what to expect; how is exact, contains, regex or numeric."
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|[-+−]?\.\d+")


def read_questions(path: str | Path | None) -> tuple[Question, ...]:
    """The questions in a YAML list, JSON Lines or CSV file; none for no path.

    Raises UserError naming the line that does not fit.
    """
    if path is None or not str(path).strip():
        return ()
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The questions cannot be read: {getattr(error, 'strerror', None) or 'the file is not UTF-8'}.",
            "Choose a YAML, JSONL or CSV file in UTF-8.",
            where=str(file),
            code="not_found",
        ) from error
    readers = {".yaml": _yaml, ".yml": _yaml, ".jsonl": _json_lines, ".json": _yaml, ".csv": _csv}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise UserError(
            f"Questions are not read from “{file.suffix or file.name}” files.",
            "Choose a YAML, JSONL or CSV file.",
            where=str(file),
        )
    found = tuple(_question(entry, f"{file}, line {line}") for line, entry in reader(text, file))
    if not found:
        raise UserError("The file holds no questions.", _REMEDY, where=str(file))
    return found


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
    if not isinstance(entry, dict):
        raise UserError("A question is not made of named fields.", _REMEDY, where=where)
    fields = {str(key).strip().lower(): value for key, value in entry.items() if value is not None and value != ""}
    unknown = sorted(fields.keys() - set(_FIELDS))
    if unknown:
        raise UserError(f"A question has no field “{unknown[0]}”.", f"Use {', '.join(_FIELDS)}.", where=where)
    for name in ("prompt", "expect"):
        if name not in fields:
            raise UserError(f"A question lacks “{name}”.", _REMEDY, where=where)
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


def _yaml(text: str, file: Path) -> Iterator[tuple[int, Any]]:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else str(file)
        cause = f"The questions are not YAML: {getattr(error, 'problem', None) or 'unreadable'}."
        raise UserError(cause, _REMEDY, where=where) from error
    if isinstance(data, dict) and list(data) == ["questions"] and isinstance(node, yaml.MappingNode):
        data, node = data["questions"], node.value[0][1]
    if not isinstance(data, list) or not isinstance(node, yaml.SequenceNode):
        raise UserError("The questions are not a list.", "Write “- ” before each question.", where=str(file))
    for own, entry in zip(node.value, data, strict=True):
        yield own.start_mark.line + 1, entry


def _json_lines(text: str, file: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"A line is not JSON: {error.msg}.", _REMEDY, where=f"{file}, line {number}") from error


def _csv(text: str, file: Path) -> Iterator[tuple[int, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    start = 2
    try:
        for row in rows:
            if row.get(""):
                raise UserError("A line has more columns than the heading.", "Put quotes around texts with commas.",
                                where=f"{file}, line {start}")  # fmt: skip
            yield start, row
            start = rows.line_num + 1
    except csv.Error as error:
        raise UserError(f"The questions are not CSV: {error}.", _REMEDY, where=f"{file}, line {start}") from error
