"""Hasten against the programs that people decode with on a CPU, in one interleaved run.

    python -m tests.benchmarks.decode [--only NAME,NAME] [--rounds N] [--recipe FILE] [--json FILE] [--markdown]

Every candidate is a process of its own in an environment of its own (made once, in the cache folder) with one model
open, asleep while another one is measured. docs/performance.md says what is measured and how. Timings taken while
anything else runs are worthless: how busy other programs kept the machine meanwhile is part of the result.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import gzip
import hashlib
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from engine.bench.conditions import load_before, machine
from engine.bench.texts import prompts_of
from engine.parallel.placement import physical_cores
from engine.runtimes.base import Ids
from engine.runtimes.limits import context_length
from engine.text.tokenizer import load_tokenizer
from tests.benchmarks.peers import report
from tests.benchmarks.peers.candidates import Candidate, Workshop, sample
from tests.benchmarks.peers.environments import ROOT, Environments, PeerUnavailable
from tests.benchmarks.peers.measure import quality, time_rounds, warm_up
from tests.benchmarks.peers.processes import Process

WINDOWS, WINDOW = 4, 512
REFERENCE = "transformers-fp32"
OPTIONAL = frozenset({"compile-bf16"})  # a minute of start-up; by --only or --compile


def main() -> int:
    """Measure, print, and write what was asked for."""
    asked = _arguments()
    environments = Environments(asked.cache)
    with contextlib.ExitStack() as stack:
        try:
            workshop = workshop_of(asked, environments)
            candidates, skipped = _made(workshop, asked)
            reference = workshop.transformers("float32", compiled=False)
        except PeerUnavailable as error:
            print(f"The benchmark cannot be set up: {error}.", file=sys.stderr)
            return 2
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=asked.cache)))
        windows, prompts = _texts(workshop, asked)
        kept = _reference(reference, windows, scratch, asked.cache) if asked.quality else []
        document = _measure(candidates, skipped, workshop, prompts, windows, kept, scratch, asked)
    if asked.json:
        asked.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if asked.markdown:
        print(report.markdown(document))
    else:
        _show(document)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="a float32 checkpoint folder; without it the sample model")
    parser.add_argument("--gguf", type=Path, help="the same weights as a GGUF file, for llama.cpp")
    parser.add_argument("--recipe", type=Path, action="append", default=[], help="a recipe that takes part as well")
    parser.add_argument("--text", type=Path, help="for prompts and quality; without it WikiText-2's test part")
    parser.add_argument("--only", default="", help="names of candidates, separated by commas")
    parser.add_argument("--compile", action="store_true", help="torch.compile takes part")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--prompt", type=int, default=128, help="tokens of a prompt")
    parser.add_argument("--times", type=int, default=1, help="a prompt is so many times the same passage")
    parser.add_argument("--new", type=int, default=128, help="new tokens a round")
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--no-quality", dest="quality", action="store_false")
    parser.add_argument("--json", type=Path, help="write the whole result here")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/performance.md")
    cache = Path(platformdirs.user_cache_dir("hasten-benchmarks", appauthor=False))
    parser.add_argument("--cache", type=Path, default=cache, help="where environments and models are kept")
    asked = parser.parse_args()
    if asked.rounds < 2 or asked.new < 2 or asked.prompt < 2 or not 1 <= asked.times <= asked.prompt:
        parser.error("rounds, prompt and new must be at least 2, times between 1 and prompt")
    return asked


def workshop_of(asked: argparse.Namespace, environments: Environments) -> Workshop:
    """Where candidates are made from the checkpoint that was asked for, the sample model without one."""
    if asked.checkpoint is None:
        original, gguf = sample(environments)
        models = original.parent
    else:
        original, gguf = asked.checkpoint.resolve(), asked.gguf and asked.gguf.resolve()
        mark = f"{original}\0{gguf}\0{max(file.stat().st_mtime_ns for file in original.iterdir())}"
        models = asked.cache / "models" / f"{original.name}-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
    room = min(context_length(original), max(WINDOW, asked.prompt + asked.new))
    return Workshop(environments, original, gguf, models, asked.threads, room)


def _made(workshop: Workshop, asked: argparse.Namespace) -> tuple[list[Candidate], dict[str, str]]:
    """The candidates that can take part, and why others cannot."""
    wanted = [name for name in asked.only.split(",") if name]
    offers = list(workshop.offers(asked.recipe))
    names = [offer.name for offer in offers]
    if len(set(names)) < len(names):
        raise PeerUnavailable("two candidates have the same name: rename the recipe's file")
    unknown = set(wanted) - set(names)
    if unknown:
        raise PeerUnavailable(f"unknown: {', '.join(unknown)}; known: {', '.join(names)}")
    candidates, skipped = [], {}
    for offer in offers:
        if wanted and offer.name not in wanted:
            continue
        if not wanted and offer.name in OPTIONAL and not asked.compile:
            continue
        try:
            candidates.append(offer.make())
        except PeerUnavailable as error:
            skipped[offer.name] = str(error)
            print(f"{offer.name} cannot take part: {error}.", file=sys.stderr)
    return candidates, skipped


def _texts(workshop: Workshop, asked: argparse.Namespace) -> tuple[list[Ids], list[Ids]]:
    """Windows for quality and one prompt a round, from the text."""
    text = text_of(asked)
    tokenizer = load_tokenizer(workshop.original)
    windows = prompts_of(tokenizer, text, min(WINDOW, workshop.room), WINDOWS)
    length = min(asked.prompt, workshop.room - asked.new)
    if length < 1:
        raise SystemExit(f"The model holds {workshop.room} tokens: choose fewer than {asked.new} new ones.")
    prompts = prompts_of(tokenizer, text, length, asked.rounds)
    return windows, [np.resize(prompt[: length // asked.times], length) for prompt in prompts]


def text_of(asked: argparse.Namespace) -> str:
    """The text that was asked for, WikiText-2's test part without one."""
    if asked.text is not None:
        return str(asked.text.read_text(encoding="utf-8"))
    shared = Path(os.environ.get("HASTEN_SHARED", ROOT.parent / "shared"))
    with gzip.open(shared / "corpora" / "wikitext2" / "test.raw.gz", "rt", encoding="utf-8") as file:
        return file.read()


def _reference(candidate: Candidate, windows: list[Ids], scratch: Path, cache: Path) -> list[Path]:
    """The original's logits, one file a window."""
    files = []
    with _opened(candidate, cache) as process:
        for index, window in enumerate(windows):
            files.append(scratch / f"reference-{index}.npy")
            process.ask("logits", ids=window[:-1].tolist(), out=str(files[-1]))
    return files


@contextlib.contextmanager
def _opened(candidate: Candidate, cache: Path) -> Iterator[Process]:
    log = cache / "logs" / f"run-{candidate.name}.log"
    process = Process(candidate.name, candidate.command, log, dict(candidate.variables))
    try:
        yield process
    finally:
        process.close()


def _measure(
    candidates: list[Candidate],
    skipped: dict[str, str],
    workshop: Workshop,
    prompts: list[Ids],
    windows: list[Ids],
    kept: list[Path],
    scratch: Path,
    asked: argparse.Namespace,
) -> dict[str, Any]:
    before = {**machine(), **load_before()}
    memory = Candidate("memory", "memory", False, workshop.bandwidth(), 0)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(_opened(memory, asked.cache))
        processes: dict[str, Process] = {}
        for candidate in candidates:
            try:
                process = stack.enter_context(_opened(candidate, asked.cache))
                warm_up(process, prompts[0], asked.new)
                processes[candidate.name] = process
            except PeerUnavailable as error:
                skipped[candidate.name] = str(error)
                print(f"{candidate.name} cannot take part: {error}.", file=sys.stderr)
        timings = time_rounds(list(processes.values()), reader, prompts, asked.new, _round)
        peaks = {name: process.ask("memory")["peak_rss_bytes"] for name, process in processes.items()}
        scores = {}
        for name, process in processes.items() if kept else ():
            _told("quality", name)
            scores[name] = quality(process, windows, kept, scratch)
        versions = {name: process.ready["versions"] for name, process in processes.items()}
        taking_part = [candidate for candidate in candidates if candidate.name in processes]
        weights = {c.name: processes[c.name].ready["weight_bytes"] or c.disk_bytes for c in taking_part}
    conditions = {
        **before, "threads": asked.threads, "rounds": asked.rounds, "prompt_tokens": len(prompts[0]),
        "passage_times": asked.times,
        "new_tokens": asked.new, "batch": 1, "sampling": "greedy", "others_percent": round(timings.others_percent, 1),
        "bandwidth_gb_per_second": statistics.median(timings.bandwidth) / 1e9,
        "load_average_after": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }  # fmt: skip
    return {
        "benchmark": "decode",
        "date": datetime.date.today().isoformat(),
        "model": "SmolLM2-135M-Instruct (from Q4_1)" if asked.checkpoint is None else workshop.original.name,
        "text": "WikiText-2, test" if asked.text is None else asked.text.name,
        "predictions": sum(len(window) - 1 for window in windows) if kept else 0,
        "conditions": conditions,
        "candidates": report.rows(taking_part, timings, scores, weights, peaks, versions),
        "skipped": skipped,
    }


def _round(index: int, name: str) -> None:
    _told(f"round {index + 1}", name)


def _told(step: str, name: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{step}: {name:<24}", end="", file=sys.stderr, flush=True)
    else:
        print(f"{step}: {name}", file=sys.stderr, flush=True)


def _show(document: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    conditions = document["conditions"]
    table = Table(title=f"{document['model']}, {conditions['cpu']}, {conditions['threads']} threads")
    for index, column in enumerate(report.COLUMNS):
        table.add_column(column, justify="right" if index else "left", style="bold" if index == 0 else None)
    for row in document["candidates"]:
        table.add_row(*report.cells(row))
    console = Console(width=None if sys.stdout.isatty() else 240, highlight=False)
    console.print(table)
    busy = max(document["candidates"], key=lambda row: row["idle_percent"], default=None)
    console.print(
        f"Memory read at {conditions['bandwidth_gb_per_second']:.1f} GB/s. Before: "
        f"{conditions['busy_percent']:.1f} % busy, load {conditions.get('load_average', '–')}; other programs took "
        f"{conditions['others_percent']:.1f} % of the processors during the run."
    )
    if busy is not None:
        console.print(f"Most processor use by a candidate at rest: {busy['idle_percent']:.1f} % ({busy['title']}).")
    for name, reason in document["skipped"].items():
        console.print(f"Not measured: {name}, because {reason}.")


if __name__ == "__main__":
    raise SystemExit(main())
