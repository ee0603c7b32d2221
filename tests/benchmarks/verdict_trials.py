"""How often verdicts are right: a model against itself, and against itself with a little more to do.

    python -m tests.benchmarks.verdict_trials {same,slower} [--busy] [--trials N] [--seconds N] [--out FILE]
    python -m tests.benchmarks.verdict_trials report --out FILE

“same” opens one model twice: the verdict should be “not proven”. “slower” gives the second one 5 % more work in every
`decode` (busy for 5 % of the processor's time that this token took): it should be “slower”. Both
are timed as `hasten compare` times by default: rounds until the result is sure enough, at most a minute. With --busy
another process loads one core meanwhile. Every trial opens both models afresh and adds a line to FILE, so trials can be
made in pieces; `report` counts them. The bars are 97 % “not proven” of 200 and 90 % “slower” of 200.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.bench import texts
from engine.bench.conditions import OthersLoad
from engine.bench.observe import seconds_of
from engine.bench.runner import time_answers
from engine.bench.statistics import verdict
from engine.bench.stopping import Stopping
from engine.decoding.wrapped import WrappedSession
from engine.metrics.base import DecodeRound, Observed
from engine.protocol.job import CompareJob
from engine.runtimes.base import Floats, Ids, Session
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer
from tests.helpers import checkpoints

INJECTED = 0.05
PROMPT, NEW = 32, 32
BARS = {"same": ("not_proven", 0.97), "slower": ("slower", 0.90)}


class Burdened(WrappedSession):
    """A model whose every token costs `share` more of the processor's time than its own; nothing for a share of 0."""

    def __init__(self, model: Session, share: float) -> None:
        super().__init__(model)
        self._share = share

    def decode(self, ids: Ids) -> Floats:
        """The model's own, then busy for as long as the share of it."""
        began = time.thread_time()
        logits = super().decode(ids)
        ended = time.thread_time()
        while time.thread_time() - ended < self._share * (ended - began):
            pass
        return logits


def trial(folder: Path, kind: str, seconds: float, share: float = INJECTED) -> dict[str, Any]:
    """One comparison of the model in `folder` with itself; the second has `share` more to do if `kind` is "slower"."""
    stopping = Stopping(None, seconds)
    text = texts.read_text(None)[0]
    prompts = texts.prompts_of(load_tokenizer(folder), text, PROMPT, stopping.most)
    sessions: list[Session] = [open_session(folder, threads=1) for _ in range(2)]
    found: list[list[DecodeRound]] = [[], []]
    try:
        if kind == "slower":
            # Both, for passing a call on costs something too.
            sessions = [Burdened(session, more) for session, more in zip(sessions, (0, share), strict=True)]
        others, began = OthersLoad(), time.perf_counter()
        stopping.begin()

        def times() -> list[list[float]]:
            return [seconds_of(Observed(0, rounds=tuple(own)), without_waiting=True) for own in found]

        time_answers(
            sessions, [prompts] * 2, NEW, lambda: None, collected=found, enough=lambda: stopping.enough(times())
        )
    finally:
        for session in sessions:
            session.close()
    ratio = stopping.speedup(*times())
    return {
        "kind": kind, "verdict": verdict(ratio), "ratio": ratio.value, "low": ratio.low, "high": ratio.high,
        "rounds": ratio.rounds, "ended": stopping.reason, "seconds": round(time.perf_counter() - began, 2),
        "waited_percent": round(_waited(found), 1), "others_percent": round(others.percent(), 1),
        "rounds_seconds": [[round(second, 7) for second in own] for own in times()],
    }  # fmt: skip


def _waited(found: list[list[DecodeRound]]) -> float:
    """Which share of the time both waited for a processor, percent."""
    rounds = [r for own in found for r in own]
    return 100 * sum(r.waited for r in rounds) / sum(sum(r.next_seconds) for r in rounds)


@contextmanager
def neighbour(wanted: bool) -> Iterator[None]:
    """Another process that loads one core, if wanted."""
    if not wanted:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def report(lines: list[dict[str, Any]]) -> str:
    """What the trials gave, a line a kind."""
    groups: dict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[line["kind"], line["busy"]].append(line)
    said = []
    for (kind, busy), found in sorted(groups.items()):
        wanted, bar = BARS[kind]
        right = sum(line["verdict"] == wanted for line in found)
        name = f"{kind}{', one core loaded' if busy else ''}"
        said.append(
            f"{name}: “{wanted.replace('_', ' ')}” in {right} of {len(found)} ({100 * right / len(found):.1f} %, "
            f"bar {100 * bar:.0f} %); rounds {statistics.median(line['rounds'] for line in found):g} in the median, "
            f"time {statistics.median(line['seconds'] for line in found):.1f} s, at most "
            f"{max(line['seconds'] for line in found):.0f} s; ratio "
            f"{statistics.median(line['ratio'] for line in found):.3f}; other programs used "
            f"{statistics.median(line['others_percent'] for line in found):.0f} % of the processors"
        )
    return "\n".join(said)


def main() -> None:
    """Make trials, or count those made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=(*BARS, "report"))
    parser.add_argument("--busy", action="store_true", help="load one core meanwhile")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=CompareJob.model_fields["seconds"].default)
    parser.add_argument("--out", type=Path, help="a file of JSON lines that results are added to")
    asked = parser.parse_args()
    lines: list[dict[str, Any]] = []
    if asked.kind == "report":
        lines = [json.loads(line) for line in asked.out.read_text(encoding="utf-8").splitlines()]
        print(report(lines))
        return
    with tempfile.TemporaryDirectory() as room, neighbour(asked.busy):
        folder = checkpoints.tiny_llama(Path(room) / "model")
        for _ in range(asked.trials):
            lines.append({**trial(folder, asked.kind, asked.seconds), "busy": asked.busy})
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    print(report(lines))


if __name__ == "__main__":
    main()
