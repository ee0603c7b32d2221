"""What rounding to 4 bits, pruning and removing parts cost, by every method of their passes: docs/quality.md.

    python -m tests.benchmarks.quality [--json FILE] [--only TEXT] [--threads N] [--markdown]

stories15M on held-out TinyStories text and the sample model on WikiText-2. The texts and stories15M lie in the folder
that HASTEN_SHARED names (../shared without it). Each pass runs in a process of its own, whose time and peak memory are
kept. With --json, results found in FILE are not measured again, and each new one is added at once. Seconds are worth
something only if nothing else runs; the quality does not depend on that.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from engine.bench.conditions import machine
from engine.bench.memory_probe import peak_rss_bytes
from engine.bench.quality import score_text
from engine.bench.statistics import bootstrap_mean
from engine.bench.texts import Windows
from engine.catalogue import load
from engine.checkpoint.inspect import inspect
from engine.passes import catalog
from engine.passes.base import PassContext
from engine.recipe.options import parse_options
from engine.runtimes.base import Session
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("HASTEN_SHARED", ROOT.parent / "shared"))
GRIDS: dict[str, dict[str, Any]] = {
    "symmetric": {},
    "integer offsets": {"symmetric": False},
    "float offsets": {"symmetric": False, "offsets": "float"},
}
METHODS = ("nearest", "clip", "gptq", "awq", "autoround")
PRUNED: dict[str, dict[str, Any]] = {"50 % free": {"sparsity": 50.0}, "2:4": {"structure": "n:m"}}
PRUNING = ("magnitude", "wanda", "sparsegpt")
WITHOUT_TEXT = ("nearest", "magnitude", "plain")
KEPT = (90.0, 70.0)  # % of the weights, as factors
SHARES = (10, 30)  # percent of the neurons
DEPTHS = (1, 2)  # layers


@dataclass(frozen=True)
class Subject:
    """A model, what it is judged by and what it is shown.

    Attributes:
        judged: windows of token ids [N, T], held out.
        shown: calibration text of the same kind, none of it judged.
        groups: weights a scale that divide its widths.
        heads: groups of heads of which each layer may lose so many.
    """

    title: str
    folder: Path
    judged: Windows
    shown: str
    groups: tuple[int, ...]
    heads: tuple[int, ...]


def stories() -> Subject:
    """stories15M: the last tenth of the corpus in windows of 256 with a BOS each; shown from the first eight tenths."""
    folder = SHARED / "checkpoints" / "stories15M"
    text = next((SHARED / "corpora" / "tinystories").glob("*.txt")).read_text(encoding="utf-8")
    ids = load_tokenizer(folder)(text, add_special_tokens=False, verbose=False)["input_ids"]
    tail = np.asarray(ids[len(ids) * 9 // 10 :], dtype=np.int64)
    pieces = tail[: len(tail) // 256 * 256].reshape(-1, 256)[:, :255]
    judged = Windows(tuple(np.concatenate([[1], piece]) for piece in pieces), False)
    return Subject("stories15M, TinyStories", folder, judged, text[: len(text) * 8 // 10], (32,), (2, 3))


def sample() -> Subject:
    """The sample model: the first 8 windows of 512 tokens of WikiText-2's test part; shown from its training part."""
    folder = Path(platformdirs.user_data_dir("hasten", appauthor=False)) / "models" / "SmolLM2-135M-Instruct"

    def part(name: str) -> str:
        with gzip.open(SHARED / "corpora" / "wikitext2" / f"{name}.raw.gz", "rt", encoding="utf-8") as file:
            return file.read(4_000_000)

    ids = load_tokenizer(folder)(part("test")[:60_000], add_special_tokens=False, verbose=False)["input_ids"]
    judged = Windows(tuple(np.asarray(ids[: 8 * 512], dtype=np.int64).reshape(8, 512)), True)
    return Subject("SmolLM2-135M-Instruct, WikiText-2", folder, judged, part("train"), (32, 64), (1,))


SUBJECTS = {"stories15M": stories, "sample": sample}


@dataclass(frozen=True)
class Case:
    """One pass with its options.

    Attributes:
        own_text: it is shown text of the subject's own kind, not the built-in one.
    """

    name: str
    run: str
    options: dict[str, Any]
    own_text: bool = True


def cases(subject: Subject) -> Iterator[Case]:
    """Every rounding, then every pruning, then factors, then what is removed."""
    for group in subject.groups:
        for grid, options in GRIDS.items():
            for method in METHODS:
                whole = {"bits": 4, "group_size": group, "method": method, **options}
                yield Case(f"int4 / {group} {grid}, {method}", "quantize", whole)
                if method != "nearest" and group == subject.groups[0] and grid == "integer offsets":
                    yield Case(f"int4 / {group} {grid}, {method}, built-in text", "quantize", whole, False)
    offsets = {"bits": 4, "group_size": 32, "symmetric": False, "offsets": "float", "head": 4}
    for method in METHODS:
        yield Case(f"int4 / 32 float offsets, head 4 bits, {method}", "quantize", {**offsets, "method": method})
    whole = {**offsets, "method": "gptq"}
    yield Case("int4 / 32 float offsets, head 4 bits, gptq, built-in text", "quantize", whole, False)
    for kind, options in PRUNED.items():
        for method in PRUNING:
            whole = {"method": method, **options}
            yield Case(f"pruned {kind}, {method}", "prune_magnitude", whole)
            if method not in WITHOUT_TEXT:
                yield Case(f"pruned {kind}, {method}, built-in text", "prune_magnitude", whole, False)
    for share in KEPT:
        for method in ("plain", "by text"):
            yield Case(f"low rank, {share:g} % of the weights, {method}", "low_rank", {"size": share, "method": method})
    for count in DEPTHS:
        for judge in ("influence", "stretch", "perplexity"):
            yield Case(f"dropped {count} layers, {judge}", "prune_depth", {"layers": count, "judge": judge})
    removed = [(f"{share} % of the neurons", "prune_ffn", {"share": share}) for share in SHARES]
    removed += [(f"{count} groups of heads", "prune_heads", {"groups": count}) for count in subject.heads]
    for name, run, options in removed:
        for adapted in (True, False):
            how = "adapted" if adapted else "not adapted"
            yield Case(f"removed {name}, {how}", run, {**options, "compensate": adapted})


def main() -> int:
    """Measure what is not known yet, print, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="keep the results here, and go on from those that are there")
    parser.add_argument("--only", default="", help="measure only cases whose name holds this")
    parser.add_argument("--most", type=int, default=10**6, help="stop after so many cases")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/quality.md")
    parser.add_argument("--pass", nargs=4, dest="changed", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.changed:
        print(json.dumps(changed(*asked.changed, asked.threads)))
        return 0
    known: dict[str, Any] = {}
    if asked.json and asked.json.is_file():
        known = json.loads(asked.json.read_text(encoding="utf-8"))
    left = asked.most
    for name, subject_of in SUBJECTS.items():
        subject = subject_of()
        for case in cases(subject):
            key = f"{name}: {case.name}"
            if asked.only not in key or key in known or not left:
                continue
            left -= 1
            known[key] = measured(subject, case, asked.threads)
            print(f"{key}: {known[key]}", flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if asked.markdown:
        print(markdown(known, asked.threads))
    return 0


def measured(subject: Subject, case: Case, threads: int) -> dict[str, Any]:
    """Run the pass in a process of its own, then compare with the original."""
    options = case.options
    with tempfile.TemporaryDirectory() as room:
        if options.get("method") not in WITHOUT_TEXT:
            options = {**options, "seed": 0}
            if case.own_text:
                text = Path(room) / "shown.txt"
                text.write_text(subject.shown, encoding="utf-8")
                options["text"] = str(text)
        call = [sys.executable, "-m", "tests.benchmarks.quality", "--threads", str(threads), "--pass",
                case.run, subject.folder, room, json.dumps(options)]  # fmt: skip
        answer = subprocess.run(call, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
        return {**json.loads(answer.splitlines()[-1]), **compared(subject, Path(room) / "changed", threads)}


def changed(name: str, source: str, room: str, options: str, threads: int) -> dict[str, float]:
    """Run pass `name`; its seconds, and the peak of this process's memory in MiB, its libraries included."""
    spec = catalog.get(name)
    run = load(spec.run)
    destination, scratch = Path(room) / "changed", Path(room) / "scratch"
    destination.mkdir()
    scratch.mkdir()
    context = PassContext(
        step=lambda done, total, text: None, notice=lambda text: None, source=Path(source), destination=destination,
        info=inspect(Path(source)), options=parse_options(spec.options, json.loads(options), name),
        threads=threads, scratch=scratch,
    )  # fmt: skip
    began = time.perf_counter()
    run(context)
    return {"seconds": round(time.perf_counter() - began, 1), "peak_mib": round(peak_rss_bytes() / 2**20)}


def compared(subject: Subject, folder: Path, threads: int) -> dict[str, Any]:
    """Perplexity of both, KL divergence with its 95 % interval, share of equal first choices, bytes of weights."""
    sessions: list[Session] = [open_session(place, threads=threads) for place in (subject.folder, folder)]
    reference, candidate = score_text(sessions, subject.judged, lambda done, total: None)
    for session in sessions:
        session.close()
    assert candidate.kl is not None
    assert candidate.agree is not None
    assert reference.nll is not None
    assert candidate.nll is not None
    before, after = (float(np.exp(np.mean(scores.nll))) for scores in (reference, candidate))
    return {
        "perplexity": after, "reference": before, "kl": bootstrap_mean(candidate.kl, candidate.blocks),
        "top1": float(np.mean(candidate.agree)), "predictions": len(candidate.kl),
        "weight_bytes": sum(tensor.bytes for tensor in inspect(folder).tensors),
    }  # fmt: skip


def markdown(known: dict[str, Any], threads: int) -> str:
    """For each model a table of roundings, one of prunings and one of factors."""
    lines = [f"{datetime.date.today().isoformat()}, {machine()['cpu']}, {threads} threads."]
    for name, subject_of in SUBJECTS.items():
        subject = subject_of()
        for title, run in (("rounding", "quantize"), ("pruning", "prune_magnitude"), ("low rank", "low_rank")):
            found = {case.name: known.get(f"{name}: {case.name}") for case in cases(subject) if case.run == run}
            own = {case: of for case, of in found.items() if of}
            if own:
                lines += ["", *_table(subject, title, own)]
    return "\n".join(lines)


def _table(subject: Subject, title: str, own: dict[str, dict[str, Any]]) -> Iterator[str]:
    first = next(iter(own.values()))
    yield (
        f"**{subject.title}**: perplexity of the original {first['reference']:.3f}, {first['predictions']} predictions."
    )
    yield ""
    yield f"| {title} | perplexity | KL (nats), 95 % | top-1 | MB | seconds | peak MiB |"
    yield "|---|---|---|---|---|---|---|"
    for case, of in own.items():
        mean, low, high = of["kl"]
        yield (
            f"| {case} | {of['perplexity'] / of['reference'] - 1:+.2%} | {mean:.4f} ({low:.4f}–{high:.4f}) | "
            f"{of['top1']:.3f} | {of['weight_bytes'] / 1e6:.1f} | {of['seconds']:.0f} | {of['peak_mib']} |"
        )


if __name__ == "__main__":
    sys.exit(main())
