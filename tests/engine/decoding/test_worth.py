"""Guessing ahead never costs much: on a clock of its own, whatever guesses cost and however wrong they are.

The model and its draft are functions of the text, and each reading of theirs moves the clock by what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.decoding import speculative
from engine.decoding.drafters import Drafter
from engine.decoding.speculative import SpeculativeSession
from engine.runtimes.base import Floats, Ids, Session
from engine.runtimes.sampling import Sampler

WORDS = 97
SLOWEST = 0.95  # of the speed without guesses


class Clock:
    """Seconds that pass only where something is said to take them."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


def following(text: Sequence[int]) -> int:
    """The word that the model writes behind `text`."""
    return (31 * text[-1] + 17 * text[-2] + 5 * len(text)) % WORDS if len(text) > 1 else 1


class Model(Session):
    """Reads one token in a second, and each more at the same time in `more` seconds."""

    folder, task, runtime, weight_bytes, context_length = Path(), "text-generation", "clock", 1, 10_000

    def __init__(self, clock: Clock, more: float) -> None:
        self._clock, self._more = clock, more
        self._text: list[int] = []

    def prefill(self, ids: Ids, mask: Ids | None = None) -> Floats:
        self._text = []
        return self.extend(ids)[:, -1]

    def decode(self, ids: Ids) -> Floats:
        return self.extend(ids[:, None])[:, 0]

    def extend(self, ids: Ids) -> Floats:
        self._clock.now += 1.0 + self._more * (ids.shape[1] - 1)
        rows = []
        for token in ids[0]:
            self._text.append(int(token))
            rows.append(np.eye(WORDS, dtype=np.float32)[following(self._text)])
        return np.stack(rows)[None]

    def rewind(self, count: int) -> None:
        del self._text[len(self._text) - count :]

    def logits(self, ids: Ids) -> Floats:
        return self.prefill(ids)[None]

    def close(self) -> None:
        self._text = []


class Guesser(Drafter):
    """Right with the share `right` of its guesses, each of which takes `cost` seconds."""

    most = 8

    def __init__(self, clock: Clock, right: float, cost: float) -> None:
        self._clock, self._right, self.seconds = clock, right, cost
        self._random = np.random.default_rng(0)

    def start(self) -> None:
        pass

    def propose(self, text: Sequence[int], count: int, sampler: Sampler) -> list[int]:
        self._clock.now += self.seconds * count
        guessed: list[int] = []
        for _ in range(count):
            right = following([*text, *guessed])
            guessed.append(right if self._random.random() < self._right else (right + 1) % WORDS)
        return guessed


def gain(right: float, cost: float, more: float, monkeypatch: pytest.MonkeyPatch, answers: int, tokens: int) -> float:
    """Tokens a second with guesses over tokens a second without, of whole answers behind their first token."""
    clock = Clock()
    monkeypatch.setattr(speculative, "time", clock)
    session = SpeculativeSession(Model(clock, more), [Guesser(clock, right, cost)])
    alone = Model(Clock(), more)
    assert session.exact
    seconds = 0.0
    for answer in range(answers):
        ids = np.arange(5 + answer) % WORDS
        steps = list(session.generate(ids, tokens))
        assert [step.token_id for step in steps] == [step.token_id for step in alone.generate(ids, tokens)]
        seconds += sum(step.seconds for step in steps[1:])
    return answers * (tokens - 1) / seconds


@pytest.mark.parametrize("more", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("cost", [0.0, 0.1, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("right", [0.0, 0.2, 0.5, 0.8])
def test_it_is_never_much_slower(right: float, cost: float, more: float, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gain(right, cost, more, monkeypatch, answers=1, tokens=128) > SLOWEST
    assert gain(right, cost, more, monkeypatch, answers=4, tokens=256) > SLOWEST + 0.02


def test_it_is_faster_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gain(0.8, 0.1, 0.05, monkeypatch, answers=4, tokens=256) > 1.8
    assert gain(0.95, 0.0, 0.02, monkeypatch, answers=4, tokens=256) > 4
