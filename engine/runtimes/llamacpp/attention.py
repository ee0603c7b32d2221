"""Which attention llama.cpp computes sooner with on this machine: measured, for its own choice is often the slower."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Literal

import numpy as np

from engine.runtimes.base import Session

Kind = Literal["plain", "flash"]
KINDS: tuple[Kind, ...] = ("plain", "flash")
_PROMPT, _NEW = 128, 32  # tokens
_ROUNDS, _SECONDS = 5, 20.0
# flash attention has to be this much quicker: it rounds more
_GAIN = 1.03


def measure(sessions: Mapping[Kind, Session]) -> dict[Kind, tuple[float, float]]:
    """By kind of attention: seconds to read a prompt, and a token afterwards; medians over rounds in turn.

    128 tokens are read and 32 follow, less where the model holds less, 5 times or until 20 seconds are over.
    """
    longest = min(session.context_length for session in sessions.values())
    prompt, new = min(_PROMPT, longest // 2), min(_NEW, longest // 4)
    for session in sessions.values():
        _round(session, prompt, 1)  # memory is touched for the first time
    found: dict[Kind, list[tuple[float, float]]] = {kind: [] for kind in sessions}
    started = time.perf_counter()
    for index in range(_ROUNDS):
        for kind in KINDS if index % 2 else reversed(KINDS):
            found[kind].append(_round(sessions[kind], prompt, new))
        if time.perf_counter() - started > _SECONDS:
            break
    return {
        kind: (statistics.median(r for r, _ in rounds), statistics.median(t for _, t in rounds))
        for kind, rounds in found.items()
    }


def quicker(found: dict[Kind, tuple[float, float]]) -> Kind:
    """The kind that reads 128 tokens and writes 128 in less time."""
    plain, flash = (read + _PROMPT * token for read, token in (found["plain"], found["flash"]))
    return "flash" if flash * _GAIN < plain else "plain"


def _round(session: Session, prompt: int, new: int) -> tuple[float, float]:
    """Seconds for `prompt` tokens, and for each of `new` ones after them."""
    started = time.perf_counter()
    session.prefill(np.ones((1, prompt), np.int64))
    read = time.perf_counter()
    for _ in range(new):
        session.decode(np.ones(1, np.int64))
    return read - started, (time.perf_counter() - read) / new
