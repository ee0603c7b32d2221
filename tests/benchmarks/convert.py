"""Making an 8-bit model: time, memory and size, of Hasten beside each target's own converter.

    python -m tests.benchmarks.convert [--only openvino,onnxruntime,llamacpp] [--rounds N] [--json FILE] [--markdown]

Everybody starts from the same float32 checkpoint, in a process of its own, from start to end. Hasten is timed as
`hasten run` with an empty data folder: reading, quantising, lowering, and the comparison with the original, which no
other converter makes. The order is drawn in each round and reversed in the next; one round before them is not counted.
Memory is the peak of resident memory of the largest process, pages of mapped files included. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from engine.bench.conditions import OthersLoad, load_before, machine
from engine.bench.runner import orders
from engine.bench.statistics import DISPLAY_CONFIDENCE, speedup
from engine.parallel.placement import physical_cores
from tests.benchmarks.decode import workshop_of
from tests.benchmarks.peers.candidates import RECIPES, Workshop
from tests.benchmarks.peers.environments import ROOT, Environments, PeerUnavailable, environment

COLUMNS = ("target", "converter", "seconds", "peak MiB", "artefact MB")
OURS = {
    "openvino": ["--recipe", str(RECIPES / "row-openvino.yaml")],  # the peer's own kind of grid
    "onnxruntime": ["--recipe", str(RECIPES / "int8-cpu.yaml")],  # as the builder: nothing is smoothed
    "llamacpp": ["--recipe", str(RECIPES / "small-llamacpp-alone.yaml")],
}
# llama.cpp's converter from checkpoints is no part of its Python package: nothing stands beside Hasten there
PEERS = {"openvino": "optimum-cli, int8", "onnxruntime": "onnxruntime-genai's builder, int8"}


@dataclass(frozen=True)
class Converter:
    """One program that makes a model.

    Attributes:
        target: what the model is for.
        command: what to run, given an empty folder for everything that is written.
        result: the model's folder among what was written there, given the same folder.
    """

    target: str
    title: str
    ours: bool
    command: Callable[[Path], list[str]]
    result: Callable[[Path], Path]


@dataclass(frozen=True)
class Made:
    """One conversion: wall and processor seconds, peak bytes of the largest process, bytes of the model's files."""

    seconds: float
    busy_seconds: float
    peak_rss_bytes: int
    artefact_bytes: int


def main() -> int:
    """Measure, print, and write what was asked for."""
    asked = _arguments()
    environments = Environments(asked.cache)
    try:
        workshop = workshop_of(asked, environments)
        converters = [each for target in asked.only.split(",") for each in _converters(workshop, target)]
    except PeerUnavailable as error:
        print(f"The benchmark cannot be set up: {error}.", file=sys.stderr)
        return 2
    before, load, began = {**machine(), **load_before()}, OthersLoad(), time.perf_counter()
    busy = 0.0
    found: dict[str, list[Made]] = {each.title: [] for each in converters}
    for index, order in enumerate(orders(asked.rounds + 1, len(converters))):
        for place in order:
            converter = converters[place]
            made = _convert(converter, asked.cache)
            print(f"round {index}: {converter.title}: {made.seconds:.1f} s", file=sys.stderr, flush=True)
            busy += made.busy_seconds
            if index:
                found[converter.title].append(made)
    # to the load, processes that have ended are others'
    own = 100 * busy / ((time.perf_counter() - began) * (os.cpu_count() or 1))
    others = round(max(0.0, load.percent() - own), 1)
    document = {
        "benchmark": "convert",
        "date": datetime.date.today().isoformat(),
        "model": "SmolLM2-135M-Instruct (from Q4_1)" if asked.checkpoint is None else workshop.original.name,
        "conditions": {**before, "rounds": asked.rounds, "others_percent": others},
        "converters": [_row(each, found) for each in converters],
    }
    if asked.json:
        asked.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(
        _markdown(document) if asked.markdown else "\n".join("   ".join(_cells(row)) for row in document["converters"])
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="a float32 checkpoint folder; without it the sample model")
    parser.add_argument("--only", default=",".join(OURS), help="targets, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the whole result here")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/performance.md")
    cache = Path(platformdirs.user_cache_dir("hasten-benchmarks", appauthor=False))
    parser.add_argument("--cache", type=Path, default=cache, help="where environments and models are kept")
    parser.set_defaults(gguf=None, threads=physical_cores(), prompt=0, new=0)  # of tests.benchmarks.decode
    asked = parser.parse_args()
    if asked.rounds < 2 or not {*asked.only.split(",")} <= {*OURS}:
        parser.error(f"at least 2 rounds, of {', '.join(OURS)}")
    return asked


def _converters(workshop: Workshop, target: str) -> list[Converter]:
    """Hasten for `target`, and the peer where there is one."""
    peers: dict[str, Callable[[Path], list[str]]] = {
        "openvino": lambda folder: workshop.openvino_command("int8", folder / "made"),
        "onnxruntime": lambda folder: workshop.genai_command("int8", folder / "made"),
    }
    run = [sys.executable, "-m", "engine.cli", "run", str(workshop.original), *OURS[target]]
    found = [Converter(target, f"Hasten for {target}", True, lambda folder: run, _artefact)]
    if target in PEERS:
        peers[target](Path())  # so that what is missing is missing now
        found.append(Converter(target, PEERS[target], False, peers[target], lambda folder: folder / "made"))
    return found


def _artefact(folder: Path) -> Path:
    """The built model in the data folder of the one run that was made."""
    return next((folder / "home" / "runs").glob("*/artefact"))


def _convert(converter: Converter, cache: Path) -> Made:
    """One conversion, in a fresh folder. Raises PeerUnavailable when it fails."""
    with tempfile.TemporaryDirectory(dir=cache) as name:
        folder = Path(name)
        (folder / "made").mkdir()
        variables = {"HASTEN_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)} if converter.ours else {}
        log = cache / "logs" / f"convert-{converter.target}-{'hasten' if converter.ours else 'peer'}.log"
        command = converter.command(folder)
        with log.open("wb") as said:
            began = time.perf_counter()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=ROOT if converter.ours else cache,
                env=environment(**variables),
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)  # of the largest of it and of those it waited for
            seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise PeerUnavailable(f"{converter.title} failed (see {log})")
        files = {file.stat().st_ino: file for file in converter.result(folder).rglob("*") if file.is_file()}
        kept = [file for file in files.values() if "cache" not in file.relative_to(folder).parts]
        unit = 1 if sys.platform == "darwin" else 1024
        busy = usage.ru_utime + usage.ru_stime
        return Made(seconds, busy, usage.ru_maxrss * unit, sum(file.stat().st_size for file in kept))


def _row(converter: Converter, found: dict[str, list[Made]]) -> dict[str, Any]:
    """The figures of `converter`, and of Hasten's against those of the peer for the same target."""
    made = found[converter.title]
    row: dict[str, Any] = {"target": converter.target, "title": converter.title, "ours": converter.ours}
    for name in ("seconds", "peak_rss_bytes", "artefact_bytes"):
        values = [getattr(each, name) for each in made]
        row[name] = {"value": statistics.median(values), "low": min(values), "high": max(values), "all": values}
    if converter.ours and converter.target in PEERS:
        peer = found[PEERS[converter.target]]
        for name in ("seconds", "peak_rss_bytes", "artefact_bytes"):
            ours, theirs = ([float(getattr(each, name)) for each in several] for several in (made, peer))
            ratio = speedup(ours, theirs, DISPLAY_CONFIDENCE)  # how many times the peer's
            row[name]["of_peer"] = {"value": ratio.value, "low": ratio.low, "high": ratio.high}
    return row


def _cells(row: dict[str, Any]) -> list[str]:
    cells = [row["target"], row["title"]]
    for name, unit, digits in (("seconds", 1, 1), ("peak_rss_bytes", 2**20, 0), ("artefact_bytes", 1e6, 1)):
        figures = row[name]
        value, low, high = (f"{figures[key] / unit:.{digits}f}" for key in ("value", "low", "high"))
        ratio = figures.get("of_peer")
        against = f", ×{ratio['value']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})" if ratio else ""
        cells.append(f"{value} ({low}–{high}){against}")
    return cells


def _markdown(document: dict[str, Any]) -> str:
    conditions = document["conditions"]
    return "\n".join(
        [
            f"{document['date']}, {conditions['cpu']}, {document['model']}, {conditions['rounds']} interleaved rounds: "
            "medians with the smallest and largest; of Hasten's also how many times the peer's they are, with a 95 % "
            f"interval. Other programs took {conditions['others_percent']:.1f} % of the processors.",
            "",
            "| " + " | ".join(COLUMNS) + " |",
            "|" + "---|" * len(COLUMNS),
            *("| " + " | ".join(_cells(row)) + " |" for row in document["converters"]),
        ]
    )


if __name__ == "__main__":
    raise SystemExit(main())
