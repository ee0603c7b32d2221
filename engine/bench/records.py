"""Files of the user's that hold one record a line or row: YAML lists, JSON Lines, CSV and TSV. Free of torch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.protocol.errors import UserError


@dataclass(frozen=True)
class Kind:
    """What a file holds, for the sentences that tell what is wrong with it.

    Attributes:
        what: its records in the plural, as “questions”.
        endings: the endings of its files, from `READERS`.
        remedy: how a record should look.
    """

    what: str
    endings: tuple[str, ...]
    remedy: str

    @property
    def files(self) -> str:
        """The kinds of file in words: “YAML, JSONL or CSV”."""
        names = list(dict.fromkeys(_NAMES[ending] for ending in self.endings))
        return f"{', '.join(names[:-1])} or {names[-1]}"


def read_records(path: str | Path, kind: Kind) -> list[tuple[str, Any]]:
    """The records in the file `path`, each behind where it stands (“file, line 3”).

    Raises UserError for a file that cannot be read, is of another kind, is broken (naming the line), or is empty.
    """
    file = Path(path).expanduser()
    what = kind.what
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The {what} cannot be read: {getattr(error, 'strerror', None) or 'the file is not UTF-8'}.",
            f"Choose a {kind.files} file in UTF-8.",
            where=str(file),
            code="not_found",
        ) from error
    ending = file.suffix.lower()
    if ending not in kind.endings:
        raise UserError(
            f"{what.capitalize()} are not read from “{file.suffix or file.name}” files.",
            f"Choose a {kind.files} file.",
            where=str(file),
        )
    found = [(f"{file}, line {line}", entry) for line, entry in READERS[ending](text, file, kind)]
    if not found:
        raise UserError(f"The file holds no {what}.", kind.remedy, where=str(file))
    return found


def fields_of(entry: Any, names: tuple[str, ...], required: tuple[str, ...], one: str, where: str, kind: Kind) -> Any:
    """The fields of the record `entry` (“a question” is `one`) by lower-case name, empty ones left out.

    Raises UserError for a field that is none of `names`, and for one of `required` that is absent.
    """
    if not isinstance(entry, dict):
        raise UserError(f"{one.capitalize()} is not made of named fields.", kind.remedy, where=where)
    fields = {str(key).strip().lower(): value for key, value in entry.items() if value is not None and value != ""}
    unknown = sorted(fields.keys() - set(names))
    if unknown:
        raise UserError(f"{one.capitalize()} has no field “{unknown[0]}”.", f"Use {', '.join(names)}.", where=where)
    for name in required:
        if name not in fields:
            raise UserError(f"{one.capitalize()} lacks “{name}”.", kind.remedy, where=where)
    return fields


def _yaml(text: str, file: Path, kind: Kind) -> Iterator[tuple[int, Any]]:
    what = kind.what
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else str(file)
        cause = f"The {what} are not YAML: {getattr(error, 'problem', None) or 'unreadable'}."
        raise UserError(cause, kind.remedy, where=where) from error
    if isinstance(data, dict) and list(data) == [what] and isinstance(node, yaml.MappingNode):
        data, node = data[what], node.value[0][1]
    if not isinstance(data, list) or not isinstance(node, yaml.SequenceNode):
        raise UserError(f"The {what} are not a list.", "Write “- ” before each of them.", where=str(file))
    for own, entry in zip(node.value, data, strict=True):
        yield own.start_mark.line + 1, entry


def _json_lines(text: str, file: Path, kind: Kind) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):  # other line breaks may stand inside a text
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                where = f"{file}, line {number}"
                raise UserError(f"A line is not JSON: {error.msg}.", kind.remedy, where=where) from error


def _csv(text: str, file: Path, kind: Kind) -> Iterator[tuple[int, Any]]:
    return _table(csv.DictReader(io.StringIO(text, newline=""), restkey=""), file, kind)


def _tsv(text: str, file: Path, kind: Kind) -> Iterator[tuple[int, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), restkey="", delimiter="\t", quoting=csv.QUOTE_NONE)
    return _table(rows, file, kind)


def _table(rows: csv.DictReader[str], file: Path, kind: Kind) -> Iterator[tuple[int, Any]]:
    start = 2
    try:
        for row in rows:
            if row.get(""):
                raise UserError("A line has more columns than the heading.", "Put quotes around texts with commas.",
                                where=f"{file}, line {start}")  # fmt: skip
            yield start, row
            start = rows.line_num + 1
    except csv.Error as error:
        where = f"{file}, line {start}"
        raise UserError(f"The {kind.what} are not CSV: {error}.", kind.remedy, where=where) from error


READERS: Mapping[str, Callable[[str, Path, Kind], Iterator[tuple[int, Any]]]] = {
    ".yaml": _yaml, ".yml": _yaml, ".json": _yaml, ".jsonl": _json_lines, ".csv": _csv, ".tsv": _tsv,
}  # fmt: skip
_NAMES = {".yaml": "YAML", ".yml": "YAML", ".json": "YAML", ".jsonl": "JSONL", ".csv": "CSV", ".tsv": "TSV"}
