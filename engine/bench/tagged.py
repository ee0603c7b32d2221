"""Sentences whose words carry tags: read from a file, and as the tokens that a tagger sees. Free of torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.protocol.errors import UserError
from engine.runtimes.base import Ids, TextBatch

_COLUMNS = (".conll", ".conllu", ".bio", ".iob", ".iob2", ".txt", ".tsv")
_REMEDY = (
    "Choose a CoNLL file (a word a line, its tag in a column, an empty line behind each sentence) or JSONL with tokens "
    "and tags."
)


@dataclass(frozen=True)
class Sentence:
    """Words and their right tags: names, or numbers of the model's classes; no tags where nobody knows them."""

    words: tuple[str, ...]
    tags: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A sentence as a model reads it: a batch of one, and which words it sees by which tokens.

    Attributes:
        words: positions of the words that it sees, [W]; the last ones may be cut off.
        tokens: position of the first token of each, [W].
    """

    batch: TextBatch
    words: Ids
    tokens: Ids


def read_tagged(path: str, column: str | None = None) -> list[Sentence]:
    """The sentences in a CoNLL or JSON Lines file.

    `column` says where the tags stand: a number from 1 of a CoNLL file's (the last one where not given, of CoNLL-U the
    fourth), or the name of a field of JSON Lines (“tags”). Raises UserError naming the line that does not fit.
    """
    file = Path(path).expanduser()
    ending = file.suffix.lower()
    if ending not in (*_COLUMNS, ".jsonl"):
        raise UserError(f"Tags are not read from “{ending or file.name}” files.", _REMEDY, where=path)
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The data set cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            "Choose a file in UTF-8.",
            where=path,
            code="not_found",
        ) from error
    column = (column or "").strip()
    if ending == ".jsonl":
        found = list(_json_lines(lines, path, column or "tags"))
    elif column and not (column.isdecimal() and int(column) > 0):
        raise UserError(f"“{column}” is no column of a CoNLL file.", "Give its number, counted from 1.", where=path)
    else:
        found = list(_columns(lines, path, int(column or 0), universal=ending == ".conllu"))
    if not found:
        raise UserError("The data set holds no tagged words.", _REMEDY, where=path)
    return found


def _json_lines(lines: Sequence[str], path: str, name: str) -> Iterator[Sentence]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"A line is not JSON: {error.msg}.", _REMEDY, where=where) from error
        words, tags = (entry.get(key) if isinstance(entry, dict) else None for key in ("tokens", name))
        if not isinstance(words, list) or not isinstance(tags, list):
            has = f" It has: {', '.join(map(str, entry))}." if isinstance(entry, dict) else ""
            raise UserError(f"A line lacks the lists “tokens” and “{name}”.{has}", _REMEDY, where=where)
        if len(words) != len(tags):
            raise UserError(f"A line has {len(words)} tokens but {len(tags)} tags.", _REMEDY, where=where)
        if not all(isinstance(word, str) and word.strip() for word in words):
            raise UserError("A token is empty or no text.", _REMEDY, where=where)
        if not all(type(tag) in (str, int) for tag in tags):
            raise UserError("A tag is neither a name nor a number.", _REMEDY, where=where)
        if words:
            yield Sentence(tuple(words), tuple(tags))


def _columns(lines: Sequence[str], path: str, column: int, *, universal: bool) -> Iterator[Sentence]:
    """Sentences of a file with a word a line; `column` 0 is the last one. CoNLL-U numbers its words, has comments, and
    lists words that others are made of, which are left out (universaldependencies.org/format.html)."""
    place, least = (1, 4) if universal else (0, 2)
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate((*lines, ""), 1):
        cells = line.rstrip("\r").split("\t") if "\t" in line else line.split()
        if not any(cells):
            if words:
                yield Sentence(tuple(words), tuple(tags))
            words, tags = [], []
            continue
        skipped = cells[0].startswith("#") or not cells[0].isdecimal() if universal else cells[0] == "-DOCSTART-"
        if skipped:
            continue
        if len(cells) < max(column, least):
            raise UserError(
                f"A line has {len(cells)} of {max(column, least)} columns.", _REMEDY, where=f"{path}, line {number}"
            )
        words.append(cells[place])
        tags.append(cells[column - 1] if column else cells[3 if universal else -1])


def seen(tokenizer: Any, words: Sequence[str], length: int) -> Seen:
    """`words`, joined by blanks, cut at `length` tokens. A word is judged by its first token (Devlin et al. 2019,
    section 5.3). Raises UserError for a tokenizer that does not tell where in the text its tokens lie."""
    text = " ".join(words)
    try:
        encoded = tokenizer(
            text,
            truncation=True,
            max_length=length,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_tensors="np",
        )
    except NotImplementedError:
        raise UserError(
            "The tokenizer does not tell which token belongs to which word.",
            "Use the model's tokenizer.json beside its checkpoint.",
            code="unsupported_architecture",
        ) from None
    begins = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    ends = begins + [len(word) for word in words]
    offsets = encoded["offset_mapping"][0]
    real = np.flatnonzero(encoded["special_tokens_mask"][0] == 0)
    # A token of the blank alone, which stands before a rare word in byte-level vocabularies, belongs to that word.
    first = np.searchsorted(offsets[real, 1], begins - 1, side="right")
    kept = np.flatnonzero((first < len(real)) & (offsets[real, 0][np.minimum(first, len(real) - 1)] < ends))
    kinds = encoded.get("token_type_ids")
    batch = TextBatch(
        encoded["input_ids"].astype(np.int64),
        encoded["attention_mask"].astype(np.int64),
        None if kinds is None else kinds.astype(np.int64),
    )
    return Seen(batch, kept.astype(np.int64), real[first[kept]].astype(np.int64))
