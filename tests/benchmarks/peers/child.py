"""The life of one candidate's process: it opens its model, then answers one JSON line per request and sleeps between.

Standard library and numpy only: this file runs in the environment of every peer.

Lines in: {"cmd": "answer", "ids": [...], "new": n}, {"cmd": "logits", "ids": [...], "out": FILE}, {"cmd": "memory"}.
Any other "cmd" is a method of the model's own, called with the rest of the line; its answer is a JSON object.
Lines out: first {"ready": true, "weight_bytes": n or null, "versions": {...}}; then {"ttft": s, "seconds": [...],
"ids": [...]}, {"logits": FILE}, {"peak_rss_bytes": n}. An empty stdin ends the process.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class Model(Protocol):
    """An open model.

    Attributes:
        weight_bytes: bytes of weights that one token reads; None where the files' size must do.
        packages: distributions whose versions matter.
    """

    weight_bytes: int | None
    packages: tuple[str, ...]

    def answer(self, ids: list[int], new: int) -> Iterator[int]:
        """Continue `ids` greedily by `new` tokens, past any end of text, yielding each as soon as it is known."""

    def logits(self, ids: list[int]) -> np.ndarray:
        """The logits of every position of `ids`, float32 [T, V]."""


def serve(open_model: Callable[..., Model]) -> None:
    """Open the model with the keywords in sys.argv[1] (a JSON object), then answer stdin until it ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with answers

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    model = open_model(**json.loads(sys.argv[1]))
    versions = {name: metadata.version(name) for name in model.packages}
    say({"ready": True, "weight_bytes": model.weight_bytes, "versions": versions})
    for line in sys.stdin:
        request = json.loads(line)
        command = request.pop("cmd")
        say(_COMMANDS[command](model, **request) if command in _COMMANDS else getattr(model, command)(**request))


def _answer(model: Model, ids: list[int], new: int) -> dict[str, Any]:
    gc.collect()
    gc.disable()  # nothing but the model's own work between two tokens
    made, marks = [], [time.perf_counter()]
    for token in model.answer(ids, new):
        marks.append(time.perf_counter())
        made.append(int(token))
    gc.enable()
    seconds = [after - before for before, after in itertools.pairwise(marks)]
    return {"ttft": seconds[0], "seconds": seconds[1:], "ids": made}


def _logits(model: Model, ids: list[int], out: str) -> dict[str, Any]:
    np.save(out, np.ascontiguousarray(model.logits(ids), dtype=np.float32))
    return {"logits": out}


def _memory(model: Model) -> dict[str, Any]:
    own = getattr(model, "peak_rss_bytes", None)  # of one that is not computed in this process alone
    if own is not None:
        return {"peak_rss_bytes": own()}
    if sys.platform.startswith("linux"):
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        assert found, "Linux lists VmHWM for every process"
        return {"peak_rss_bytes": int(found.group(1)) * 1024}
    import resource

    return {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}  # bytes on macOS


_COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {"answer": _answer, "logits": _logits, "memory": _memory}
