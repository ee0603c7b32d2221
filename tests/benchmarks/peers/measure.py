"""One interleaved run over open candidates, and the quality of their predictions afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.bench.conditions import OthersLoad
from engine.bench.runner import orders
from engine.bench.texts import blocks_of
from engine.metrics.base import Doubles, TokenScores
from engine.metrics.logits import divergence, negative_log_likelihood
from engine.runtimes.base import Ids
from tests.benchmarks.peers.processes import Process

READINGS = 3  # of a GiB, each time that the bandwidth has its turn
WARM_UP_TOKENS = 8


@dataclass
class Timings:
    """What the rounds gave, one entry a round and candidate.

    Attributes:
        first: seconds to the first token, by candidate.
        following: mean seconds a token after the first, by candidate.
        answers: the tokens of the last round, by candidate.
        bandwidth: bytes a second, one entry a reading.
        others_percent: share of all processors that went to other programs meanwhile.
        idle_percent: share of one processor that a candidate used while it was not asked, by candidate.
    """

    first: dict[str, list[float]] = field(default_factory=dict)
    following: dict[str, list[float]] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    bandwidth: list[float] = field(default_factory=list)
    others_percent: float = 0.0
    idle_percent: dict[str, float] = field(default_factory=dict)


def time_rounds(
    processes: Sequence[Process],
    memory: Process,
    prompts: Sequence[Ids],
    new: int,
    told: Callable[[int, str], None] = lambda index, name: None,
) -> Timings:
    """Every candidate continues prompt r by `new` tokens in round r; the order is drawn, and reversed in the next.

    `memory` takes part as one more candidate, so that the bandwidth is that of the same minutes.
    """
    found = Timings({p.name: [] for p in processes}, {p.name: [] for p in processes})
    everyone = [*processes, memory]
    for process in processes:
        warm_up(process, prompts[0], new)
    memory.ask("answer", ids=[], new=1)
    load, began = OthersLoad([process.pid for process in everyone]), time.perf_counter()
    rest = [process.idle_seconds() for process in processes]
    for index, order in enumerate(orders(len(prompts), len(everyone))):
        for place in order:
            process = everyone[place]
            if process is memory:
                answer = memory.ask("answer", ids=[], new=READINGS)
                size = memory.ready["weight_bytes"]
                found.bandwidth += [size / seconds for seconds in (answer["ttft"], *answer["seconds"])]
                continue
            answer = process.ask("answer", ids=prompts[index].tolist(), new=new)
            if len(answer["ids"]) != new:
                raise RuntimeError(f"{process.name} made {len(answer['ids'])} tokens instead of {new}")
            found.first[process.name].append(answer["ttft"])
            found.following[process.name].append(sum(answer["seconds"]) / (new - 1))
            found.answers[process.name] = answer["ids"]
            told(index, process.name)
    found.others_percent, wall = load.percent(), time.perf_counter() - began
    for process, before in zip(processes, rest, strict=True):
        found.idle_percent[process.name] = 100 * (process.idle_seconds() - before) / wall
    return found


def warm_up(process: Process, prompt: Ids, new: int) -> None:
    """A short answer. Raises PeerUnavailable when the process ends instead."""
    process.ask("answer", ids=prompt.tolist(), new=min(new, WARM_UP_TOKENS))


def quality(
    process: Process, windows: Sequence[Ids], reference: Sequence[Path], scratch: Path
) -> tuple[TokenScores, float]:
    """Teacher-forced scores of `process` over `windows` [T] against the reference's logits; also the perplexity."""
    nll: list[Doubles] = []
    kl: list[Doubles] = []
    agree: list[Doubles] = []
    for window, file in zip(windows, reference, strict=True):
        logits = predictions(process, window, scratch)
        nll.append(negative_log_likelihood(logits, window[1:]))
        divergences, agreements = divergence(np.load(file), logits)
        kl.append(divergences)
        agree.append(agreements)
    blocks = blocks_of([len(window) - 1 for window in windows])
    scores = TokenScores(blocks, nll=np.concatenate(nll), kl=np.concatenate(kl), agree=np.concatenate(agree))
    return scores, math.exp(float(np.concatenate(nll).mean()))


def predictions(process: Process, window: Ids, scratch: Path) -> np.ndarray:
    """The logits of all but the last position of `window` [T]: [T - 1, V]."""
    file = scratch / f"{process.name}.npy"
    process.ask("logits", ids=window[:-1].tolist(), out=str(file))
    logits = np.load(file)
    file.unlink()
    return logits
