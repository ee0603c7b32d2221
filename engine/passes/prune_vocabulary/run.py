"""Run the vocabulary pass: count the text's tokens, choose, rewrite the tokenizer, prove it, cut the tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.calibration.texts import read_text
from engine.checkpoint.reader import Reader
from engine.checkpoint.writer import Transform, Writer
from engine.passes.base import Facts, PassContext
from engine.passes.prune_vocabulary.ids import named, renamed, tokenizer_config_with, tokenizer_with
from engine.passes.prune_vocabulary.kinds import Kind, chosen, kind_of
from engine.passes.prune_vocabulary.layout import axes
from engine.passes.prune_vocabulary.spec import PruneVocabularyOptions, left
from engine.protocol.errors import UserError
from engine.text.tokenizer import load_tokenizer

Json = dict[str, Any]
# Their positions are counted from the padding token's id, which must therefore stay what it is.
_COUNT_FROM_PADDING = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "roberta-prelayernorm", "luke",
     "data2vec-text", "ibert", "xmod", "esm"}
)  # fmt: skip
# The same vocabulary in older forms: it would contradict tokenizer.json.
_OLDER = ("vocab.json", "merges.txt", "vocab.txt", "added_tokens.json", "*.model", "*.tiktoken", "tekken.json", "*.spm")
_PIECE = 100_000  # letters that are turned into tokens at once


def run(context: PassContext) -> Facts:
    """Leave tokens out. Raises UserError where the tokenizer cannot be cut, Cancelled when asked to stop."""
    options: PruneVocabularyOptions = context.options
    reader = Reader(context.source)
    pieces = list(_pieces(read_text(options.text)))
    tokenizer = load_tokenizer(context.source)
    cut = _Cut(context, reader.config, tokenizer)
    counts = _counted(context, tokenizer, pieces)
    kept = cut.chosen(_used(counts, options.least), _listed(tokenizer, options.words))
    files = cut.files(kept)
    smaller = _loaded(context.scratch / "tokenizer", files)
    cut.require_numbers(smaller, cut.rows(kept))
    after = _proven(context, tokenizer, smaller, pieces, set(kept))
    rows = torch.tensor(cut.rows(kept))
    changes: dict[str, Transform] = {
        name: partial(_taken, reader, name, axis, rows) for name, axis in axes(context.info).items()
    }
    writer = Writer(context.destination, reader)
    for name, text in files.items():
        writer.replace(name, text)
    for path in (path for pattern in _OLDER for path in context.source.glob(pattern)):
        writer.replace(path.name, None)
    writer.rewrite(changes, lambda name: context.step(1, 2, name))
    writer.finish(json.loads(files["config.json"]))
    context.step(1, 1, "")
    return _facts(context, counts, kept, cut, pieces, after)


class _Cut:
    """The tokenizer's files, and what follows for them from the tokens that stay."""

    def __init__(self, context: PassContext, config: Json, tokenizer: Any) -> None:
        self._folder, self._info, self._options = context.source, context.info, context.options
        self.document = _read(self._folder / "tokenizer.json")
        self.config = config
        self.generation = _read(self._folder / "generation_config.json")
        self.kind: Kind = kind_of(self.document)
        self._tokens = {place: token for token, place in self.kind.ids.items()}
        self._added = {one["id"]: one["content"] for one in self.document.get("added_tokens") or ()}
        if max((*self._tokens, *self._added)) >= (size := self._info.vocab_size):
            raise UserError(
                "The tokenizer has tokens for which the model has no row.",
                "Use the tokenizer files that belong to this checkpoint.",
                where=str(self._folder / "tokenizer.json"),
            )
        # Transformers gives some tokenizers a token that their file lacks.
        given = {place: str(token) for place, token in tokenizer.added_tokens_decoder.items() if place < size}
        self._given = {place: token for place, token in given.items() if place not in self._tokens.keys() | self._added}

    def chosen(self, used: list[str], listed: list[str]) -> list[str]:
        """The model's tokens that stay, by their ids, for the text's tokens and the listed words' in this order."""
        first = [self._tokens[place] for place in sorted(self._fixed()) if place in self._tokens]
        room = left(self._options)
        outside = len(self._outside())
        multiple = self._options.multiple
        mine = [token for token in (*listed, *used) if token in self.kind.ids]
        if room is None and outside % multiple:
            # what lies outside of the model's own tokens counts to the size, too
            whole = len(chosen(self.kind, first, mine, None, 1)) + outside
            room = -(-whole // multiple) * multiple
        kept = chosen(self.kind, first, mine, None if room is None else room - outside, multiple)
        if len(kept) + outside >= self._info.vocab_size:
            raise UserError(
                "No token can be left out: the text and what every text needs use them all.",
                "Choose a smaller size or a text of one field, or take this step out.",
                where="prune_vocabulary.size",
            )
        return sorted(kept, key=lambda token: self.kind.ids[token])

    def rows(self, kept: list[str]) -> list[int]:
        """The old id of each new one."""
        return [*(self.kind.ids[token] for token in kept), *self._outside()]

    def files(self, kept: list[str]) -> dict[str, str]:
        """The files that name tokens by number, with the new ones."""
        rows = self.rows(kept)
        ids = {old: new for new, old in enumerate(rows)}
        padding = self.config.get("pad_token_id")
        if self._info.model_type in _COUNT_FROM_PADDING and ids.get(padding, padding) != padding:
            raise UserError(
                f"{self._info.architecture} counts positions from its padding token, which would get another number.",
                "Take this step out.",
                where="config.json",
                code="unsupported_architecture",
            )
        model = self.kind.cut({token: new for new, token in enumerate(kept)})
        found = {
            "tokenizer.json": tokenizer_with(self.document, model, ids),
            "config.json": renamed(self.config, ids, (self._info.vocab_size, len(rows))),
        }
        if self.generation:
            found["generation_config.json"] = renamed(self.generation, ids)
        if described := _read(self._folder / "tokenizer_config.json"):
            found["tokenizer_config.json"] = tokenizer_config_with(described, ids)
        return {name: json.dumps(content, ensure_ascii=False, indent=1) + "\n" for name, content in found.items()}

    def _fixed(self) -> set[int]:
        """Ids with a meaning of their own."""
        size = self._info.vocab_size
        fixed = {place for place in (*named(self.config), *named(self.generation)) if 0 <= place < size}
        padding = self.config.get("pad_token_id")
        if self._info.model_type in _COUNT_FROM_PADDING and padding is not None:
            fixed.update(range(padding + 1))
        return fixed | set(self._added) | set(self._given)

    def _outside(self) -> list[int]:
        """Ids that stay and are none of the tokenizer model's own: added tokens, those that Transformers adds, those
        that only the configuration names. Tokenizers number them in this order behind the model's."""
        added = [*sorted(place for place in self._added if place not in self._tokens), *sorted(self._given)]
        return [*added, *sorted(self._fixed() - self._tokens.keys() - set(added))]

    def require_numbers(self, smaller: Any, rows: list[int]) -> None:
        """Raise UserError unless the `smaller` tokenizer gives every token the number of its row."""
        vocabulary, names = smaller.get_vocab(), {**self._added, **self._given, **self._tokens}
        if any(vocabulary.get(names[old]) != new for new, old in enumerate(rows) if old in names):
            raise _unfit(self._folder)


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


def _proven(context: PassContext, before: Any, after: Any, pieces: list[str], kept: set[str]) -> int:
    """How many tokens the text has now.

    Raises UserError if a line whose tokens all stayed is written otherwise, or one that could be written no longer can.
    """
    count = 0
    for place, piece in enumerate(pieces):
        context.step(len(pieces) + place, 4 * len(pieces), "the same text with fewer tokens")
        count += len(after(piece, add_special_tokens=False, verbose=False)["input_ids"])
        lines = piece.splitlines()
        for old, new in zip(_tokens(before, lines), _tokens(after, lines), strict=True):
            unknown = before.unk_token in old
            same = old == new or not kept.issuperset(old) or unknown
            if not same or (not unknown and after.unk_token is not None and after.unk_token in new):
                raise _unfit(context.source)
    return count


def _unfit(folder: Path) -> UserError:
    return UserError(
        "This tokenizer writes texts otherwise once tokens are left out, though all of theirs stayed.",
        "Take this step out.",
        where=str(folder / "tokenizer.json"),
        code="unsupported_architecture",
    )


def _tokens(tokenizer: Any, lines: list[str]) -> Iterator[list[str]]:
    for ids in tokenizer(lines, add_special_tokens=False, verbose=False)["input_ids"] if lines else ():
        yield tokenizer.convert_ids_to_tokens(ids)


def _taken(reader: Reader, name: str, axis: int, rows: Tensor) -> dict[str, Tensor]:
    return {name: reader.tensor(name).index_select(axis, rows)}


def _facts(
    context: PassContext, counts: Counter[str], kept: Iterable[str], cut: _Cut, pieces: list[str], after: int
) -> Facts:
    own = set(kept)
    before = counts.total()
    words = max(1, sum(len(piece.split()) for piece in pieces))
    return {
        "tokens": f"{context.info.vocab_size:,} → {len(cut.rows(list(own))):,}",
        "of the text's tokens kept": f"{sum(n for t, n in counts.items() if t in own) / max(1, before):.2%}",
        "tokens a word of the text": f"{before / words:.3f} → {after / words:.3f}",
    }


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


def _read(path: Path) -> Json:
    if not path.is_file():
        return {}
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found
