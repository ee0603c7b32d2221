"""The texts that measurements stand on: prompts, evaluation text, windows of it, data sets."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from engine import paths
from engine.metrics.base import Doubles
from engine.protocol.errors import UserError
from engine.runtimes.base import Ids, TextBatch

BUILT_IN_FILE = "evaluation.txt"
WINDOW = 256
MAX_TOKENS = 32768
# What an encoder-decoder answers when its quality is measured: tokens of a text, how many texts, tokens of an answer.
SOURCE, MAX_SOURCES, ANSWER = 128, 64, 64
# Predictions that are resampled together: neighbours within a sentence or two depend on one another.
BLOCK = 64
# Tokens that an encoder computes at once, padding included; larger batches pad more (docs/performance.md).
TOGETHER = 512
# A shorter rest at the end of the text is left out.
_SHORTEST = 32


@dataclass(frozen=True)
class Windows:
    """Evaluation text as token windows.

    Attributes:
        ids: windows [T], T at most WINDOW, each with the tokenizer's beginning mark if it sets one.
        cut: the text went on after MAX_TOKENS.
    """

    ids: tuple[Ids, ...]
    cut: bool

    @property
    def predictions(self) -> int:
        """Tokens that are predicted: all but the first of each window."""
        return sum(len(window) - 1 for window in self.ids)


def builtin_prompts() -> tuple[str, ...]:
    """The prompts of resources/prompts.yaml."""
    data = yaml.safe_load((paths.resources() / "prompts.yaml").read_text(encoding="utf-8"))
    return tuple(entry["prompt"].strip() for entry in data["prompts"])


def read_prompts(path: str | Path | None) -> tuple[str, ...]:
    """The prompts in a text file (one a line) or YAML list; none for no path. Raises UserError."""
    if path is None or not str(path).strip():
        return ()
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8")
        found = yaml.safe_load(text) if file.suffix in (".yaml", ".yml") else text.splitlines()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(
            f"The prompts cannot be read: {getattr(error, 'strerror', None) or error}.",
            "Choose a text file with one prompt a line, or a YAML list.",
            where=str(file),
            code="not_found",
        ) from error
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise UserError("The prompts are not a list of texts.", "Write “- ” before each prompt.", where=str(file))
    prompts = tuple(item.strip() for item in found if item.strip())
    if not prompts:
        raise UserError("The file holds no prompts.", "Write one prompt a line.", where=str(file))
    return prompts


def read_text(path: str | None) -> tuple[str, str]:
    """The evaluation text in `path` (None: the built-in one) and its name. Raises UserError when it cannot be read."""
    file = Path(path).expanduser() if path else paths.resources() / BUILT_IN_FILE
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The text cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            "Choose a plain text file in UTF-8.",
            where=str(file),
            code="not_found",
        ) from error
    if not text.strip():
        raise UserError("The text is empty.", "Choose a file with at least a few pages of text.", where=str(file))
    return text, file.name


def windows(tokenizer: Any, text: str, context_length: int) -> Windows:
    """`text` in consecutive windows for teacher-forced prediction. Raises UserError if it is too short for one."""
    ids = np.asarray(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int64)
    lead = beginning(tokenizer)
    body = min(WINDOW, context_length) - len(lead)
    cut = len(ids) > MAX_TOKENS
    ids = ids[:MAX_TOKENS]
    pieces = [ids[i : i + body] for i in range(0, len(ids), body)]
    if len(pieces) > 1 and len(pieces[-1]) < min(_SHORTEST, body):
        pieces.pop()
    if len(pieces[0]) < 2:
        raise UserError("The text is too short to measure quality on.", "Choose a text of at least a few pages.")
    return Windows(tuple(np.concatenate([lead, piece]) for piece in pieces), cut)


def sources(tokenizer: Any, text: str, context_length: int) -> tuple[Ids, ...]:
    """`text` in consecutive stretches as an encoder-decoder reads them: ids [T], T at most SOURCE, marks included.

    Raises UserError if it is too short for one.
    """
    lead, end = _marks(tokenizer)
    ids = np.asarray(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int64)
    body = max(1, min(SOURCE, context_length) - len(lead) - len(end))
    pieces = [ids[i : i + body] for i in range(0, len(ids), body)][:MAX_SOURCES]
    if len(pieces) > 1 and len(pieces[-1]) < min(_SHORTEST, body):
        pieces.pop()
    if not pieces or len(pieces[0]) < 2:
        raise UserError("The text is too short to measure quality on.", "Choose a text of at least a few pages.")
    return tuple(np.concatenate([lead, piece, end]) for piece in pieces)


def prompts_of(tokenizer: Any, text: str, length: int, count: int, *, ended: bool = False) -> list[Ids]:
    """`count` different stretches of `text`, each exactly `length` tokens, for timing.

    `ended`: with the mark that the tokenizer sets behind a text, as an encoder-decoder expects it.
    """
    lead = beginning(tokenizer)
    end = _marks(tokenizer)[1] if ended else lead[:0]
    ids = np.asarray(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"], dtype=np.int64)
    body = max(1, length - len(lead) - len(end))
    ids = np.resize(ids, max(len(ids), 2 * body + count))  # a short text is repeated
    starts = np.linspace(0, len(ids) - body, count).astype(int)
    return [np.concatenate([lead, ids[start : start + body], end])[:length] for start in starts]


def blocks_of(lengths: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Block labels [N] for windows of `lengths` predictions: BLOCK neighbours of one window share a label."""
    labels, following = [], 0
    for length in lengths:
        own = np.arange(length) // BLOCK
        labels.append(following + own)
        following += int(own[-1]) + 1
    return np.concatenate(labels)


def batch_of(tokenizer: Any, texts: list[str], length: int) -> TextBatch:
    """`texts` as one right-padded batch [B, T], cut at `length` tokens."""
    encoded = tokenizer(
        texts, padding="longest" if len(texts) > 1 else False, truncation=True, max_length=length, return_tensors="np"
    )
    kinds = encoded.get("token_type_ids")
    return TextBatch(
        encoded["input_ids"].astype(np.int64),
        encoded["attention_mask"].astype(np.int64),
        None if kinds is None else kinds.astype(np.int64),
    )


def batches_of(
    tokenizer: Any, texts: list[str], length: int, padded: Callable[[int], int] = lambda length: length
) -> Iterator[tuple[list[int], TextBatch]]:
    """`texts`, cut at `length` tokens, in batches of similar length, each with the places of its texts in the list.

    `padded` is `Session.padded` of the session that will compute them.
    """
    encoded = tokenizer(texts, truncation=True, max_length=length)["input_ids"]
    for places in by_length([padded(len(ids)) for ids in encoded]):
        yield places, batch_of(tokenizer, [texts[place] for place in places], length)


def by_length(lengths: Sequence[int]) -> list[list[int]]:
    """Places of texts of `lengths` tokens in batches, the shortest text first.

    A batch holds TOGETHER tokens at most once its texts are padded to its longest one, or a single text. The same cut
    stands in the examples that are written beside encoders.
    """
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batches and (len(batches[-1]) + 1) * lengths[place] <= TOGETHER:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def batch_of_ids(ids: Ids) -> TextBatch:
    """One text of `ids` [T] as a batch of one, all tokens real."""
    return TextBatch(ids[None], np.ones((1, len(ids)), np.int64), np.zeros((1, len(ids)), np.int64))


def sentences(text: str) -> list[str]:
    """`text` in paragraphs of at least a few words."""
    return [part.strip() for part in text.splitlines() if len(part.split()) >= 4]


def read_pairs(path: str) -> tuple[list[str], list[str], Doubles]:
    """Sentence pairs with people's scores from a CSV of three columns (STS-B): lists [N], [N] and scores [N] float64.

    Raises UserError naming the line that does not fit.
    """
    left, right, gold = [], [], []
    for number, row in enumerate(_rows(path, ","), 1):
        try:
            score = float(row[2])
        except (IndexError, ValueError):
            if number == 1:  # a heading
                continue
            raise UserError(
                "A line of the data set is not “sentence, sentence, score”.",
                "Choose a CSV file with those three columns.",
                where=f"{path}, line {number}",
            ) from None
        left.append(row[0])
        right.append(row[1])
        gold.append(score)
    if len(gold) < 3:
        raise UserError("The data set has fewer than three sentence pairs.", "Choose a larger file.", where=path)
    return left, right, np.asarray(gold, dtype=np.float64)


def read_labels(path: str) -> tuple[list[str], Ids]:
    """Texts with class numbers from two columns, tab- or comma-separated (SST-2): texts [N], classes [N].

    Raises UserError naming the line that does not fit.
    """
    texts, labels = [], []
    for number, row in enumerate(_rows(path, "\t" if path.endswith(".tsv") else ","), 1):
        try:
            label = int(row[1])
        except (IndexError, ValueError):
            if number == 1:
                continue
            raise UserError(
                "A line of the data set is not “text, class number”.",
                "Choose a CSV or TSV file with those two columns.",
                where=f"{path}, line {number}",
            ) from None
        texts.append(row[0])
        labels.append(label)
    if not texts:
        raise UserError("The data set is empty.", "Choose another file.", where=path)
    return texts, np.asarray(labels, dtype=np.int64)


def _rows(path: str, delimiter: str) -> list[list[str]]:
    try:
        with Path(path).expanduser().open(encoding="utf-8", newline="") as file:
            if delimiter == "\t":
                return [row for row in csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE) if row]
            return [row for row in csv.reader(file, delimiter=delimiter) if row]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"The data set cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            "Choose a CSV file in UTF-8.",
            where=path,
            code="not_found",
        ) from error


def beginning(tokenizer: Any) -> Ids:
    """The beginning mark [1] if the tokenizer sets one before a text, else nothing [0]."""
    first = tokenizer("a")["input_ids"][:1]
    marked = first and first[0] == tokenizer.bos_token_id
    return np.asarray(first if marked else [], dtype=np.int64)


def _marks(tokenizer: Any) -> tuple[Ids, Ids]:
    """The ids that the tokenizer puts before and behind a text, [0 or more] each."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    place = next((i for i in range(len(full) - len(bare) + 1) if full[i : i + len(bare)] == bare), 0)
    lead, end = full[:place], full[place + len(bare) :]
    return np.asarray(lead, dtype=np.int64), np.asarray(end, dtype=np.int64)
