"""The kinds of tokenizer.json whose vocabulary can be cut: which tokens each needs to write any text. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

from engine.protocol.errors import UserError

Json = dict[str, Any]
_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))


class Kind(ABC):
    """The model inside a tokenizer.json.

    Attributes:
        ids: token -> id.
    """

    ids: Mapping[str, int]

    def __init__(self, document: Json) -> None:
        """`document` is the whole of tokenizer.json."""
        self._model: Json = document["model"]
        self._bytes = set(_BYTES) & self.ids.keys() if self._model.get("byte_fallback") else set()

    @property
    def _unknown(self) -> set[str]:
        """The token for what cannot be written, where it is named by its text."""
        named: str = self._model.get("unk_token") or ""
        return {named} if named in self.ids else set()

    @property
    @abstractmethod
    def always(self) -> set[str]:
        """The tokens without which some text that can be written now no longer could be."""

    def needs(self, token: str) -> set[str]:
        """`token` and those it is put together from, without which it would never be found."""
        return {token}

    @property
    @abstractmethod
    def by_use(self) -> list[str]:
        """All tokens, those first that were most common where the tokenizer was trained."""

    @abstractmethod
    def cut(self, ids: Mapping[str, int]) -> Json:
        """The model with the tokens of `ids` alone, under these ids (0, 1, 2 …)."""


class Bpe(Kind):
    """Byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909, section 3.2): tokens are merged from two others."""

    def __init__(self, document: Json) -> None:
        model = document["model"]
        if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
            raise _unknown("a BPE tokenizer that marks the parts of words")
        self.ids = model["vocab"]
        super().__init__(document)
        pairs = (merge.split(" ", 1) if isinstance(merge, str) else merge for merge in model["merges"])
        self._ranks = {(left, right): rank for rank, (left, right) in enumerate(pairs)}
        self._byte_level = "'ByteLevel'" in str((document.get("pre_tokenizer"), document.get("normalizer")))

    @property
    def always(self) -> set[str]:
        """The bytes, or where there are none the letters."""
        unknown = self._unknown
        if self._byte_level:
            from tokenizers.pre_tokenizers import ByteLevel

            return unknown | (set(ByteLevel.alphabet()) & self.ids.keys())
        return unknown | (self._bytes or {token for token in self.ids if len(token) == 1})

    def needs(self, token: str) -> set[str]:
        """The token with every part on the way to it. Of a merge inside a longer word the steps are the same: a pair
        that reached over the token's border would have been merged instead."""
        parts = list(token)
        met = set(parts)
        while len(parts) > 1:
            places = [
                (rank, place)
                for place, pair in enumerate(pairwise(parts))
                if (rank := self._ranks.get(pair)) is not None
            ]
            if not places:
                return {token}  # found as a whole or not at all
            place = min(places)[1]
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
            met.add(parts[place])
        return met & self.ids.keys() | {token}

    @cached_property
    def by_use(self) -> list[str]:
        """In the order of merging."""
        made: dict[str, int] = {}
        for (left, right), rank in self._ranks.items():
            made.setdefault(left + right, rank)
        return sorted(self.ids, key=lambda token: (made.get(token, len(self._ranks)), self.ids[token]))

    def cut(self, ids: Mapping[str, int]) -> Json:
        """With the merges between kept tokens."""
        text = bool(self._model["merges"]) and isinstance(self._model["merges"][0], str)
        merges = [
            f"{left} {right}" if text else [left, right]
            for left, right in self._ranks
            if left in ids and right in ids and left + right in ids
        ]
        return {**self._model, "vocab": dict(ids), "merges": merges}


class WordPiece(Kind):
    """WordPiece: a word is written with the longest token that fits, then the longest that goes on (##…)."""

    def __init__(self, document: Json) -> None:
        self.ids = document["model"]["vocab"]
        super().__init__(document)
        self._prefix: str = document["model"].get("continuing_subword_prefix") or ""

    @cached_property
    def always(self) -> set[str]:
        """The letters, and what cannot be spelt with them."""
        single = {token for token in self.ids if len(token.removeprefix(self._prefix)) == 1}
        unspelt = {token for token in self.ids if not single.issuperset(self._letters(token))}
        return single | unspelt | self._unknown

    def _letters(self, token: str) -> list[str]:
        inner = bool(self._prefix) and token.startswith(self._prefix)
        letters = token.removeprefix(self._prefix) if inner else token
        return [letter if not place and not inner else self._prefix + letter for place, letter in enumerate(letters)]

    @property
    def by_use(self) -> list[str]:
        """In the order of their ids; unused ones last."""
        return sorted(self.ids, key=lambda token: (token.startswith("[unused"), self.ids[token]))

    def cut(self, ids: Mapping[str, int]) -> Json:
        """With fewer entries."""
        return {**self._model, "vocab": dict(ids)}


class Unigram(Kind):
    """Unigram (Kudo 2018, arXiv:1804.10959, section 3.2): a text is written with the likeliest tokens."""

    def __init__(self, document: Json) -> None:
        self._scores: dict[str, float] = dict(document["model"]["vocab"])
        self.ids = {token: place for place, (token, _) in enumerate(document["model"]["vocab"])}
        super().__init__(document)

    @cached_property
    def always(self) -> set[str]:
        """The letters (or bytes), what cannot be spelt with them, and the token by which the unknown is scored."""
        rarest = min(self._scores, key=lambda token: self._scores[token])
        found = {rarest, *self._bytes}
        if self._model.get("unk_id") is not None:
            found.add(self._model["vocab"][self._model["unk_id"]][0])
        if self._bytes:
            return found
        single = {token for token in self.ids if len(token) == 1}
        return found | single | {token for token in self.ids if not single.issuperset(token)}

    @property
    def by_use(self) -> list[str]:
        """The likeliest first."""
        return sorted(self.ids, key=lambda token: (-self._scores[token], self.ids[token]))

    def cut(self, ids: Mapping[str, int]) -> Json:
        """With fewer entries; the unknown token's place follows."""
        unknown = self._model.get("unk_id")
        if unknown is not None:
            unknown = ids[self._model["vocab"][unknown][0]]
        kept = sorted(ids, key=lambda token: ids[token])
        return {**self._model, "vocab": [[token, self._scores[token]] for token in kept], "unk_id": unknown}


KINDS = {"BPE": Bpe, "WordPiece": WordPiece, "Unigram": Unigram}


def kind_of(document: Json) -> Kind:
    """The kind that tokenizer.json says it is. Raises UserError for one that cannot be cut."""
    name = str(document["model"].get("type"))
    if name not in KINDS:
        raise _unknown(f"a tokenizer of the kind “{name}”")
    return KINDS[name](document)  # type: ignore[abstract]


def necessary(kind: Kind, named: Collection[str]) -> set[str]:
    """The tokens that any text needs, and `named` ones with what they are put together from."""
    return set(kind.always).union(*map(kind.needs, named))


def filled(kind: Kind, kept: set[str], wanted: Collection[str], room: int) -> set[str]:
    """`kept`, then of `wanted` as many as `room` tokens hold, in order; then the most common until it is full."""
    found = set(kept)
    for token in (*wanted, *kind.by_use):
        if len(found) >= room:
            break
        more = kind.needs(token) - found
        if len(found) + len(more) <= room:
            found |= more
    return found


def _unknown(what: str) -> UserError:
    return UserError(
        f"The checkpoint has {what}, whose vocabulary cannot be cut.",
        "Take this step out: byte pair encoding, WordPiece and Unigram can be cut.",
        where="tokenizer.json",
        code="unsupported_architecture",
    )
