"""What guesses the next tokens: the text itself, or a smaller model."""

from __future__ import annotations

import copy
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from engine.runtimes.base import Floats, Session
from engine.runtimes.sampling import Sampler

LONGEST, SHORTEST = 4, 2  # tokens that must have stood in the text before, in this order


class Drafter(ABC):
    """Guesses how a text goes on.

    Attributes:
        most: the most tokens worth guessing at once.
        seconds: what a guess takes, as far as it is known before the first.
    """

    most: int
    seconds: float = 0.0

    @abstractmethod
    def start(self) -> None:
        """Another text begins."""

    @abstractmethod
    def propose(self, text: Sequence[int], count: int, sampler: Sampler) -> list[int]:
        """At most `count` tokens that may follow `text`; none where it has no idea. `sampler` is left as it is."""


class LookupDrafter(Drafter):
    """Guesses that the text repeats itself: prompt lookup (Saxena 2023), the last match of the longest ending."""

    most = 16

    def __init__(self) -> None:
        self._ends: dict[tuple[int, ...], int] = {}  # few tokens in a row -> where they last ended
        self._read = 1

    def start(self) -> None:
        """Another text begins."""
        self._ends.clear()
        self._read = 1

    def propose(self, text: Sequence[int], count: int, sampler: Sampler) -> list[int]:
        """What followed the last tokens of `text` where they stood before."""
        for end in range(self._read, len(text)):  # all endings but the last one, which would find itself
            for size in range(SHORTEST, min(LONGEST, end) + 1):
                self._ends[tuple(text[end - size : end])] = end
        self._read = max(self._read, len(text))
        for size in range(min(LONGEST, len(text)), SHORTEST - 1, -1):
            if place := self._ends.get(tuple(text[-size:])):
                return list(text[place : place + count])
        return []


class ModelDrafter(Drafter):
    """Guesses what a smaller model with the same vocabulary would write."""

    most = 8

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held: list[int] = []  # the tokens in its cache
        # What a runtime does only the first time is not a guess's to pay; and the session knows it may be rewound.
        some = np.arange(3, 13, dtype=np.int64)
        session.prefill(some[None, :8])
        session.extend(some[None, 8:])
        session.decode(some[:1])
        began = time.perf_counter()
        session.decode(some[1:2])
        self.seconds = time.perf_counter() - began

    def start(self) -> None:
        """Another text begins."""
        self._held = []

    def propose(self, text: Sequence[int], count: int, sampler: Sampler) -> list[int]:
        """What the small model would pick, by a copy of `sampler`: the random numbers will be drawn again."""
        count = min(count, self._session.context_length - len(text))
        picker = copy.deepcopy(sampler)
        guesses: list[int] = []
        logits = self._read(list(text)) if count > 0 else None
        while logits is not None:
            guesses.append(picker.pick(logits))
            if len(guesses) == count:
                break
            self._held.append(guesses[-1])
            logits = self._session.decode(np.array(guesses[-1:], dtype=np.int64))[0]
        return guesses

    def _read(self, text: list[int]) -> Floats:
        """The logits behind `text` [V]; only what the cache lacks is read."""
        same = min(len(self._held), len(text) - 1)  # the last token is read in any case, for its logits
        while same and self._held[:same] != text[:same]:
            same -= 1
        new = np.array([text[same:]], dtype=np.int64)
        if same:
            self._session.rewind(len(self._held) - same)
        self._held = text
        rows: Floats
        if not same:
            rows = self._session.prefill(new)
        elif new.shape[1] == 1:
            rows = self._session.decode(new[0])
        else:
            rows = self._session.extend(new)[0]
        return rows[-1]  # type: ignore[no-any-return]
