"""What of a checkpoint's tokenizer and configuration stays, and under which numbers. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.passes.base import PassContext
from engine.passes.prune_vocabulary.ids import named, renamed, tokenizer_config_with, tokenizer_with
from engine.passes.prune_vocabulary.kinds import Kind, filled, kind_of, necessary
from engine.passes.prune_vocabulary.spec import PruneVocabularyOptions, left, rounded
from engine.protocol.errors import UserError

Json = dict[str, Any]
# Their positions are counted from the padding token's id, which must therefore stay what it is.
_COUNT_FROM_PADDING = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "roberta-prelayernorm", "luke",
     "data2vec-text", "ibert", "xmod", "esm"}
)  # fmt: skip


class Cut:
    """The tokenizer's files, and what follows for them from the tokens that stay."""

    def __init__(self, context: PassContext, config: Json, tokenizer: Any) -> None:
        self._folder, self._info = context.source, context.info
        self._options: PruneVocabularyOptions = context.options
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
        """The model's tokens that stay, by their ids: those of the listed words, then the text's as they come.

        Raises UserError where the size is too small for every text to be written, or none can be left out.
        """
        options, outside = self._options, len(self._outside())
        needed = necessary(self.kind, [self._tokens[place] for place in self._fixed() if place in self._tokens])
        wanted = [token for token in (*listed, *used) if token in self.kind.ids]
        room = left(options)
        if room is None:
            room = rounded(options, len(needed.union(*map(self.kind.needs, wanted))) + outside)
        if len(needed) + outside > room:
            raise UserError(
                f"{len(needed) + outside:,} tokens must stay so that every text can still be written: {room:,} are "
                "too few.",
                f"Set the size to {rounded(options, len(needed) + outside)} or more.",
                where="prune_vocabulary.size",
            )
        kept = filled(self.kind, needed, wanted, room - outside)
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
        if self._info.base_type in _COUNT_FROM_PADDING and padding is not None and ids.get(padding) != padding:
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
        if self._info.base_type in _COUNT_FROM_PADDING and padding is not None:
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
            raise unfit(self._folder)


def unfit(folder: Path) -> UserError:
    """The error for a tokenizer that does not do as those of its kind do."""
    return UserError(
        "This tokenizer writes texts otherwise once tokens are left out, though all of theirs stayed.",
        "Take this step out.",
        where=str(folder / "tokenizer.json"),
        code="unsupported_architecture",
    )


def _read(path: Path) -> Json:
    if not path.is_file():
        return {}
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found
