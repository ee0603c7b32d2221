"""What rounding to 4 bits and taking parts away cost, by every method of the passes: the tables of docs/quality.md.

    python -m tests.benchmarks.quality [--json FILE] [--only TEXT] [--markdown]

stories15M on held-out TinyStories text and the sample model on WikiText-2. The texts and stories15M lie in the folder
that HASTEN_SHARED names (../shared without it). Each case is made in a process of its own, whose time and peak memory
are kept. With --json, results found in FILE are not measured again, and each new one is added at once. Seconds are
worth something only if nothing else runs; the quality does not depend on that.
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
METHODS = ("nearest", "clip", "gptq")
SHARES = (10, 30)  # percent of the neurons
THREADS = 2


@dataclass(frozen=True)
class Subject:
    """A model, what it is judged by and what it is shown.

    Attributes:
        judged: windows of token ids [N, T], held out.
        shown: calibration text of the same kind, none of it judged.
        groups: weights a scale that divide its widths.
        heads: how many of each layer's groups of heads may go.
    """

    title: str
    folder: Path
    judged: Windows
    shown: str
    groups: tuple[int, ...]
    heads: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One pass to be judged.

    Attributes:
        own_text: it is shown text of the subject's own kind; else Hasten's own.
        kind: the table that it stands in.
    """

    name: str
    options: dict[str, Any]
    own_text: bool = True
    kind: str = "rounding"
    which: str = "quantize"


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


def cases(subject: Subject) -> Iterator[Case]:
    """Every case of a subject, by table."""
    yield from roundings(subject)
    yield from removals(subject)


def roundings(subject: Subject) -> Iterator[Case]:
    """Every method on every grid."""
    for group in subject.groups:
        for grid, options in GRIDS.items():
            for method in METHODS:
                whole = {"bits": 4, "group_size": group, "method": method, **options}
                yield Case(f"int4 / {group} {grid}, {method}", whole, method != "nearest")
                if method != "nearest" and group == subject.groups[0] and grid == "integer offsets":
                    yield Case(f"int4 / {group} {grid}, {method}, built-in text", whole, False)
    offsets = {"bits": 4, "group_size": 32, "symmetric": False, "offsets": "float", "head": 4}
    for method in METHODS:
        yield Case(
            f"int4 / 32 float offsets, head 4 bits, {method}", {**offsets, "method": method}, method != "nearest"
        )
    yield Case("int4 / 32 float offsets, head 4 bits, gptq, built-in text", {**offsets, "method": "gptq"}, False)


def removals(subject: Subject) -> Iterator[Case]:
    """Neurons and heads, made up for and not; a layer to compare with."""
    for name, which, options in (
        *((f"{share} % of the neurons", "prune_ffn", {"share": share}) for share in SHARES),
        *((f"{count} groups of heads", "prune_heads", {"groups": count}) for count in subject.heads),
    ):
        yield Case(f"−{name}, adapted", options, True, "removed", which)
        yield Case(f"−{name}, not adapted", {**options, "compensate": False}, True, "removed", which)
    yield Case(
        f"−{SHARES[0]} % of the neurons, adapted, built-in text", {"share": SHARES[0]}, False, "removed", "prune_ffn"
    )
    yield Case("−1 layer", {"layers": 1}, True, "removed", "prune_depth")


def main() -> int:
    """Measure what is not known yet, print, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="keep the results here, and go on from those that are there")
    parser.add_argument("--only", default="", help="measure only cases whose name holds this")
    parser.add_argument("--most", type=int, default=10**6, help="stop after so many cases")
    parser.add_argument("--markdown", action="store_true", help="print the tables of docs/quality.md")
    parser.add_argument("--make", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        print(json.dumps(made(*asked.make)))
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
            known[key] = measured(subject, case)
            print(f"{key}: {known[key]}", flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if asked.markdown:
        print(markdown(known))
    return 0


def measured(subject: Subject, case: Case) -> dict[str, Any]:
    """Run the pass in a process of its own, then compare with the original."""
    with tempfile.TemporaryDirectory() as room:
        options = case.options
        if case.own_text:
            text = Path(room) / "shown.txt"
            text.write_text(subject.shown, encoding="utf-8")
            options = {**options, "text": str(text)}
        call = [sys.executable, "-m", "tests.benchmarks.quality", "--make", case.which, subject.folder, room,
                json.dumps(options)]  # fmt: skip
        answer = subprocess.run(call, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
        return {**json.loads(answer.splitlines()[-1]), **compared(subject, Path(room) / "made")}


def made(which: str, source: str, room: str, options: str) -> dict[str, float]:
    """Run the pass; its seconds, and the peak of this process's memory in MiB, its libraries included."""
    spec = catalog.get(which)
    run = load(spec.run)
    destination, scratch = Path(room) / "made", Path(room) / "scratch"
    destination.mkdir()
    scratch.mkdir()
    context = PassContext(
        step=lambda done, total, text: None, notice=lambda text: None, source=Path(source), destination=destination,
        info=inspect(Path(source)), options=parse_options(spec.options, json.loads(options), which),
        threads=THREADS, scratch=scratch,
    )  # fmt: skip
    began = time.perf_counter()
    run(context)
    return {"seconds": round(time.perf_counter() - began, 1), "peak_mib": round(peak_rss_bytes() / 2**20)}


def compared(subject: Subject, folder: Path) -> dict[str, Any]:
    """Perplexity of both, KL divergence with its 95 % interval, share of equal first choices, bytes of weights."""
    sessions: list[Session] = [open_session(place, threads=THREADS) for place in (subject.folder, folder)]
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


def markdown(known: dict[str, Any]) -> str:
    """The tables of each model."""
    here = machine()
    lines = [f"{datetime.date.today().isoformat()}, {here['cpu']}, {THREADS} threads."]
    for name, subject_of in SUBJECTS.items():
        subject = subject_of()
        for kind in ("rounding", "removed"):
            own = {
                case.name: known[f"{name}: {case.name}"]
                for case in cases(subject)
                if case.kind == kind and f"{name}: {case.name}" in known
            }
            if own:
                lines += table(subject, kind, own)
    return "\n".join(lines)


def table(subject: Subject, kind: str, own: dict[str, Any]) -> list[str]:
    """The lines of one table: `own` has what was measured by the cases' names."""
    first = next(iter(own.values()))
    lines = ["", f"**{subject.title}**: perplexity of the original {first['reference']:.3f}, "
             f"{first['predictions']} predictions.", "",
             f"| {kind} | perplexity | KL (nats), 95 % | top-1 | MB | seconds | peak MiB |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for case, of in own.items():
        mean, low, high = of["kl"]
        lines.append(
            f"| {case} | {of['perplexity'] / of['reference'] - 1:+.2%} | {mean:.4f} ({low:.4f}–{high:.4f}) | "
            f"{of['top1']:.3f} | {of['weight_bytes'] / 1e6:.1f} | {of['seconds']:.0f} | {of['peak_mib']} |"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
