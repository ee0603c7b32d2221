"""Models of which one has only some of the other's tokens: what both can write is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.bench.texts import Windows, beginning, windows
from engine.runtimes.base import Floats, Ids, Session

LEAST = 256  # predictions, below which nothing is said of quality
_SHORTEST = 32  # tokens of a stretch; shorter ones tell little of how a model goes on


@dataclass(frozen=True)
class SharedTokens:
    """Tokens that all candidates have.

    Attributes:
        reader: the tokenizer that has the most.
        own: the reader's id of each shared token, [K].
        ids: per candidate, its id of each, [K].
    """

    reader: Any
    own: Ids
    ids: tuple[Ids, ...]

    def stretches(self, text: str, length: int) -> tuple[Windows, int]:
        """Where the reader writes `text` with shared tokens alone: stretches of at most `length` tokens, each behind
        the beginning mark if there is one, as places among the shared tokens; and how many tokens the whole has."""
        whole = windows(self.reader, text, length)
        place = np.full(1 + max(int(self.own.max()), *(int(window.max()) for window in whole.ids)), -1, np.int64)
        place[self.own] = np.arange(len(self.own))
        lead = place[beginning(self.reader)]
        found = []
        for window in whole.ids:
            for run in _runs(place[window[len(lead) :]]):
                if len(run) >= _SHORTEST:
                    found.append(np.concatenate([lead, run]))
        return Windows(tuple(found), whole.cut), sum(len(window) - len(lead) for window in whole.ids)

    def sessions(self, sessions: Sequence[Session]) -> list[Session]:
        """`sessions` as they read places among the shared tokens, and give the logits of these alone."""
        return [_Narrowed(session, ids) for session, ids in zip(sessions, self.ids, strict=True)]


def shared_tokens(tokenizers: Sequence[Any], text: str) -> SharedTokens | None:
    """What the candidates share; None unless the tokens of one are among those of all others, and every candidate
    writes the same where the one with the most tokens writes a line of `text` with shared ones."""
    vocabularies = [tokenizer.get_vocab() for tokenizer in tokenizers]
    least = min(vocabularies, key=len)
    if not all(least.keys() <= vocabulary.keys() for vocabulary in vocabularies):
        return None
    most = max(range(len(tokenizers)), key=lambda place: len(vocabularies[place]))
    lines = [line for line in text.splitlines() if line.strip()]
    written = [_written(tokenizer, lines) for tokenizer in tokenizers]
    for place, line in enumerate(written[most]):
        if least.keys() >= set(line) and any(other[place] != line for other in written):
            return None
    names = sorted(least, key=lambda token: least[token])
    ids = tuple(np.array([vocabulary[name] for name in names], np.int64) for vocabulary in vocabularies)
    return SharedTokens(tokenizers[most], ids[most], ids)


def _written(tokenizer: Any, lines: list[str]) -> list[list[str]]:
    if not lines:
        return []
    ids = tokenizer(lines, add_special_tokens=False, verbose=False)["input_ids"]
    return [tokenizer.convert_ids_to_tokens(line) for line in ids]


def _runs(places: Ids) -> Iterator[Ids]:
    """What lies between the places below 0."""
    begin = 0
    for end in (*np.flatnonzero(places < 0), len(places)):
        yield places[begin:end]
        begin = int(end) + 1


class _Narrowed(Session):
    """A decoder that knows the shared tokens alone; it leaves the other's life to whoever opened it."""

    def __init__(self, session: Session, ids: Ids) -> None:
        self._session, self._ids = session, ids
        self.folder, self.task, self.runtime = session.folder, session.task, session.runtime
        self.weight_bytes, self.device = session.weight_bytes, session.device
        self.context_length = session.context_length

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        return self._session.prefill(self._ids[ids], mask)[..., self._ids]

    def decode(self, ids: Ids) -> Floats:
        return self._session.decode(self._ids[ids])[..., self._ids]

    def logits(self, ids: Ids) -> Floats:
        return self._session.logits(self._ids[ids])[..., self._ids]

    def close(self) -> None:
        """Nothing: the session within stays open."""
