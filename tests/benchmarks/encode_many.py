"""Texts a second when many texts of mixed length are encoded: 32 at once as they come, and batches of similar length.

    python -m tests.benchmarks.encode_many FOLDER [FOLDER ...] [--texts N] [--rounds N] [--threads N] [--ways a,b]

FOLDER is an encoder that was built, or a checkpoint. The texts are sentences of STS-B and paragraphs of WikiText-2,
half each, in a random order, cut at 256 tokens; they lie in the folder that HASTEN_SHARED names (../shared without
it). Every way has a session of its own, whose first pass is told apart, for some runtimes prepare for each new shape
then; after it the ways take turns. What is printed are texts a second (median) and the ratio to the first way with
its 95 % interval over rounds. For the first pass of torch.compile, measure one way at a time with a HASTEN_HOME of
its own: it keeps what it made.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import time
from pathlib import Path

import numpy as np

from engine.bench.conditions import load_before, machine
from engine.bench.embeddings import Pooling, pool
from engine.bench.runner import orders
from engine.bench.statistics import mean_interval
from engine.bench.texts import batch_of, by_length
from engine.metrics.base import Doubles
from engine.runtimes.base import Session, TextBatch
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer

SHARED = Path(os.environ.get("HASTEN_SHARED", Path(__file__).resolve().parents[3] / "shared"))
LONGEST = 256
WAYS = ("as they come, 32", "by length, 32", "one by one", "similar length")


def mixed_texts(count: int) -> list[str]:
    """`count` texts, short and long ones in turn by chance, the same on every call."""
    pick = random.Random(0)
    with (SHARED / "corpora" / "stsb" / "stsb-en-test.csv").open(newline="", encoding="utf-8") as file:
        short = [row[0] for row in csv.reader(file)]
    with gzip.open(SHARED / "corpora" / "wikitext2" / "test.raw.gz", "rt", encoding="utf-8") as file:
        long = [line.strip() for line in file if len(line.split()) >= 4]
    found = pick.sample(short, count // 2) + pick.sample(long, count - count // 2)
    pick.shuffle(found)
    return found


def cut(way: str, lengths: list[int], session: Session) -> list[list[int]]:
    """Places of texts of `lengths` tokens in batches, as `way` says."""
    places = list(range(len(lengths)))
    if way == "similar length":
        return by_length([session.padded(length) for length in lengths])
    if way == "by length, 32":
        places.sort(key=lengths.__getitem__)
    size = 1 if way == "one by one" else 32
    return [places[start : start + size] for start in range(0, len(places), size)]


def encode(session: Session, cuts: list[list[int]], batches: list[TextBatch]) -> tuple[Doubles, float]:
    """The vectors of all texts [N, H] in their order, and the seconds they took."""
    vectors: dict[int, Doubles] = {}
    began = time.perf_counter()
    for places, batch in zip(cuts, batches, strict=True):
        vectors.update(zip(places, pool(session.hidden(batch), batch, Pooling()), strict=True))
    seconds = time.perf_counter() - began
    return np.stack([vectors[place] for place in range(len(vectors))]), seconds


def measure(folder: Path, texts: list[str], ways: list[str], rounds: int, threads: int | None) -> None:
    """Measure `folder` and print one JSON document."""
    tokenizer = load_tokenizer(folder)
    lengths = [len(ids) for ids in tokenizer(texts, truncation=True, max_length=LONGEST)["input_ids"]]
    sessions = [open_session(folder, threads=threads) for _ in ways]
    cuts = [cut(way, lengths, session) for way, session in zip(ways, sessions, strict=True)]
    batches = [[batch_of(tokenizer, [texts[place] for place in batch], LONGEST) for batch in own] for own in cuts]
    first = [encode(*one) for one in zip(sessions, cuts, batches, strict=True)]
    seconds: list[list[float]] = [[] for _ in ways]
    for order in orders(rounds, len(ways)):
        for place in order:
            seconds[place].append(encode(sessions[place], cuts[place], batches[place])[1])
    found = {}
    for place, way in enumerate(ways):
        ratio, low, high = np.exp(mean_interval(np.log(np.array(seconds[0]) / np.array(seconds[place])), 0.95))
        shapes = {(len(batch.input_ids), sessions[place].padded(batch.input_ids.shape[1])) for batch in batches[place]}
        found[way] = {
            "texts_per_second": round(len(texts) / float(np.median(seconds[place])), 1),
            "ratio": round(float(ratio), 3), "low": round(float(low), 3), "high": round(float(high), 3),
            "first_pass_seconds": round(first[place][1], 2),
            "batches": len(cuts[place]), "shapes": len(shapes),
            "padded": round(sum(batch.input_ids.size for batch in batches[place]) / sum(lengths), 3),
            "most_different_component": float(np.abs(first[place][0] - first[0][0]).max()),
        }  # fmt: skip
    tokens = {"texts": len(texts), "mean": round(float(np.mean(lengths)), 1), "median": float(np.median(lengths))}
    for session in sessions:
        session.close()
    print(json.dumps({"model": folder.name, "tokens": tokens, "rounds": rounds, "threads": threads, "ways": found}))


def main() -> None:
    """Measure every folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--texts", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--ways", default=";".join(WAYS), help="separated by semicolons; the first is the reference")
    asked = parser.parse_args()
    print(json.dumps({**load_before(), **machine()}))
    texts = mixed_texts(asked.texts)
    for folder in asked.folders:
        measure(folder, texts, asked.ways.split(";"), asked.rounds, asked.threads)


if __name__ == "__main__":
    main()
