"""The user's own source texts with references, such as translations or summaries: read from a file. Free of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.bench.records import Kind, fields_of, read_records
from engine.compare.evidence import Pair
from engine.protocol.errors import UserError

_FIELDS = ("source", "reference")
_REMEDY = "Give each text a source and a reference; in JSONL the reference may be a list of several."
_KIND = Kind("text pairs", (".jsonl", ".csv", ".tsv"), _REMEDY)


def read_references(path: str | Path | None) -> tuple[Pair, ...]:
    """The pairs in a JSON Lines, CSV or TSV file with the fields (or columns) source and reference; none for no path.

    Raises UserError naming the line that does not fit.
    """
    if path is None or not str(path).strip():
        return ()
    return tuple(_pair(entry, where) for where, entry in read_records(path, _KIND))


def _pair(entry: Any, where: str) -> Pair:
    fields = fields_of(entry, _FIELDS, _FIELDS, "a text pair", where, _KIND)
    given = fields["reference"] if isinstance(fields["reference"], list) else [fields["reference"]]
    if not given or not all(isinstance(text, str) and text.strip() for text in (fields["source"], *given)):
        raise UserError("A text pair's source or reference is empty or no text.", _REMEDY, where=where)
    return Pair(source=fields["source"].strip(), references=tuple(text.strip() for text in given))
