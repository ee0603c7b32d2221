"""Run the vocabulary pass: count the text's tokens, choose, rewrite the tokenizer, prove it, cut the tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.calibration.texts import read_text
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.prune_vocabulary.cut import Cut, unfit
from engine.passes.prune_vocabulary.layout import axes
from engine.passes.prune_vocabulary.spec import PruneVocabularyOptions
from engine.text.tokenizer import load_tokenizer

# The same vocabulary in older forms: it would contradict tokenizer.json.
_OLDER = ("vocab.json", "merges.txt", "vocab.txt", "added_tokens.json", "*.model", "*.tiktoken", "tekken.json", "*.spm")
_PIECE = 100_000  # letters that are turned into tokens at once


def run(context: PassContext) -> Facts:
    """Leave tokens out. Raises UserError where the tokenizer cannot be cut, Cancelled when asked to stop."""
    options: PruneVocabularyOptions = context.options
    reader = Reader(context.source)
    pieces = list(_pieces(read_text(options.text)))
    tokenizer = load_tokenizer(context.source)
    cut = Cut(context, reader.config, tokenizer)
    counts = _counted(context, tokenizer, pieces)
    kept = cut.chosen(_used(counts, options.least), _listed(tokenizer, options.words))
    files = cut.files(kept)
    smaller = _loaded(context.scratch / "tokenizer", files)
    cut.require_numbers(smaller, cut.rows(kept))
    after = _proven(context, tokenizer, smaller, pieces)
    rows = torch.tensor(cut.rows(kept))
    changes: dict[str, Transform] = {
        name: partial(_taken, reader, name, axis, rows) for name, axis in axes(context.info).items()
    }
    writer = Writer(context.destination, reader)
    config = json.loads(files.pop("config.json"))
    for name, text in files.items():
        writer.replace(name, text)
    for path in (path for pattern in _OLDER for path in context.source.glob(pattern)):
        writer.replace(path.name, None)
    writer.rewrite(changes, lambda name: context.step(1, 2, name))
    writer.finish(config)
    context.step(1, 1, "")
    before, words = counts.total(), max(1, sum(len(piece.split()) for piece in pieces))
    kept_names = smaller.get_vocab()
    inside = sum(count for token, count in counts.items() if token in kept_names)
    return {
        "tokens": f"{context.info.vocab_size:,} → {len(rows):,}",
        "of the text's tokens kept": f"{inside / max(1, before):.2%}",
        "tokens a word of the text": f"{before / words:.3f} → {after / words:.3f}",
    }


def _counted(context: PassContext, tokenizer: Any, pieces: list[str]) -> Counter[str]:
    counts: Counter[int] = Counter()
    for place, piece in enumerate(pieces):
        context.step(place, 4 * len(pieces), "the text's tokens")
        counts.update(tokenizer(piece, add_special_tokens=False, verbose=False)["input_ids"])
    return Counter({tokenizer.convert_ids_to_tokens(place): count for place, count in counts.items()})


def _used(counts: Counter[str], least: int) -> list[str]:
    return [token for token, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= least]


def _listed(tokenizer: Any, path: str) -> list[str]:
    """The tokens of every word, at the beginning of a text and behind a blank."""
    if not path:
        return []
    words = [word for line in read_text(path).splitlines() if (word := line.strip())]
    found = tokenizer([form for word in words for form in (word, f" {word}", f"a {word}")], add_special_tokens=False)
    ids = dict.fromkeys(place for row in found["input_ids"] for place in row)
    return [str(token) for token in tokenizer.convert_ids_to_tokens(list(ids))]


def _loaded(folder: Path, files: Mapping[str, str]) -> Any:
    """The smaller tokenizer, as Transformers reads it."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_tokenizer(folder)


def _proven(context: PassContext, before: Any, after: Any, pieces: list[str]) -> int:
    """How many tokens the text has now.

    Raises UserError if a line whose tokens all stayed is written otherwise, or one that could be written no longer can.
    """
    count, kept = 0, after.get_vocab().keys()
    for place, piece in enumerate(pieces):
        context.step(len(pieces) + place, 4 * len(pieces), "the same text with fewer tokens")
        count += len(after(piece, add_special_tokens=False, verbose=False)["input_ids"])
        lines = piece.splitlines()
        for old, new in zip(_tokens(before, lines), _tokens(after, lines), strict=True):
            unknown = before.unk_token in old
            same = old == new or not kept >= set(old) or unknown
            if not same or (not unknown and after.unk_token is not None and after.unk_token in new):
                raise unfit(context.source)
    return count


def _tokens(tokenizer: Any, lines: list[str]) -> Iterator[list[str]]:
    for ids in tokenizer(lines, add_special_tokens=False, verbose=False)["input_ids"] if lines else ():
        yield tokenizer.convert_ids_to_tokens(ids)


def _taken(reader: Reader, name: str, axis: int, rows: Tensor) -> dict[str, Tensor]:
    return {name: reader.tensor(name).index_select(axis, rows)}


def _pieces(text: str) -> Iterator[str]:
    """`text` in stretches that end with a line, so that a long one can be stopped."""
    part: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        part.append(line)
        size += len(line)
        if size >= _PIECE:
            yield "".join(part)
            part, size = [], 0
    if part:
        yield "".join(part)
