"""Whether an option of ONNX Runtime's session makes a decoder faster on this machine, each one alone.

    python -m tests.benchmarks.session_options FOLDER [--threads N] [--rounds N] [--only name,name]

FOLDER is a decoder that was built for ONNX Runtime; what it guesses ahead is left out. Every option has a process of
its own, asleep while others are measured; in each round all of them read the same random prompt of 256 tokens, then
append 48 tokens behind one of 64. “default again” is the default once more: what differs from it no more than that
proves nothing. What is printed are tokens a second (median), the ratio to the default with its 99 % interval over
rounds, the seconds to open, the memory after a prompt, and whether the logits are the same to the last bit. Options
that change threads waiting for one another (spinning, blocks) say nothing on one thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import psutil

from engine.bench.conditions import load_before, machine
from engine.bench.runner import orders
from engine.bench.statistics import mean_interval
from engine.runtimes.base import OpenRequest
from engine.runtimes.onnx_runtime import session as onnx_session
from engine.runtimes.open import SILENT, read_artefact

PROMPT, SHORT, NEW = 256, 64, 48
# what is changed from Hasten's own options: keys of the session's configuration, or attributes of SessionOptions
# (session.disable_prepacking is left out: it decodes 20 times slower and computes other logits)
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "default again": {},
    "spin between runs": {"session.force_spinning_stop": "0"},
    "no spinning": {"session.intra_op.allow_spinning": "0"},
    "spin 0.1 ms": {"session.intra_op.spin_duration_us": "100"},
    "spin 1 ms": {"session.intra_op.spin_duration_us": "1000"},
    "spin backing off": {"session.intra_op.spin_backoff_max": "8"},
    "blocks of 1/2": {"session.dynamic_block_base": "2"},
    "blocks of 1/4": {"session.dynamic_block_base": "4"},
    "blocks of 1/16": {"session.dynamic_block_base": "16"},
    "denormals are zero": {"session.set_denormal_as_zero": "1"},
    "no arena": {"enable_cpu_mem_arena": False},
    "no memory pattern": {"enable_mem_pattern": False},
    "extended graph level": {"graph_optimization_level": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED},
    "basic graph level": {"graph_optimization_level": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC},
    "no graph level": {"graph_optimization_level": ort.GraphOptimizationLevel.ORT_DISABLE_ALL},
    "table lookup": {"mlas.use_lut_gemm": "1"},
    "activations in float32": {"mlas.qnbit.force_fp32": "1"},
}


def answer(folder: Path, threads: int, name: str) -> None:
    """The process of one option: opens the model, tells what it computed, then is timed once a line on its input."""
    original = ort.InferenceSession

    def changed(path: str, options: Any, **named: Any) -> Any:
        for key, value in OPTIONS[name].items():
            if "." in key:
                options.add_session_config_entry(key, value)
            else:
                setattr(options, key, value)
        return original(path, options, **named)

    ort.InferenceSession = changed
    artefact = read_artefact(folder)
    assert artefact is not None
    request = OpenRequest(
        step=SILENT.step, notice=SILENT.notice, folder=folder, artefact=artefact, threads=threads, device="cpu"
    )
    began = time.perf_counter()
    session = onnx_session.open_session(request)
    opened = time.perf_counter() - began
    ids = np.random.default_rng(0).integers(4, 40000, (1, PROMPT))
    bits = hashlib.sha256(session.prefill(ids).tobytes())
    for place in range(8):
        bits.update(session.decode(ids[:, place]).tobytes())
    bits.update(session.extend(ids[:, :5]).tobytes())
    print(
        json.dumps({"opened": opened, "bits": bits.hexdigest(), "memory": psutil.Process().memory_info().rss}),
        flush=True,
    )
    for line in sys.stdin:
        ids = np.random.default_rng(int(line)).integers(4, 40000, (1, PROMPT))
        began = time.perf_counter()
        session.prefill(ids)
        read = time.perf_counter()
        logits = session.prefill(ids[:, :SHORT])
        half = time.perf_counter()
        for _ in range(NEW):
            logits = session.decode(logits.argmax(-1))
        print(json.dumps([PROMPT / (read - began), NEW / (time.perf_counter() - half)]), flush=True)


def race(folder: Path, threads: int, rounds: int, names: list[str]) -> None:
    """Measure the options `names` of the model in `folder` and print a line for each."""
    processes: list[Any] = []
    for name in names:
        command = [sys.executable, "-m", __spec__.name, str(folder), "--threads", str(threads), "--answer", name]
        processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    told = [json.loads(process.stdout.readline() or "null") for process in processes]
    running = [place for place, one in enumerate(told) if one is not None]
    speeds: list[list[list[float]]] = [[] for _ in names]
    for index, order in enumerate(orders(rounds, len(running))):
        for place in (running[turn] for turn in order):
            processes[place].stdin.write(f"{index}\n")
            processes[place].stdin.flush()
            speeds[place].append(json.loads(processes[place].stdout.readline()))
    for place, name in enumerate(names):
        processes[place].stdin.close()
        processes[place].wait()
        if place not in running:
            print(f"{name}: the model does not open")
            continue
        same = "same bits" if told[place]["bits"] == told[0]["bits"] else "OTHER LOGITS"
        line = f"{name:22} opened in {told[place]['opened']:.2f} s, {told[place]['memory'] >> 20} MiB, {same}"
        for column, title in enumerate(("reading", "decoding")):
            own, reference = (np.array(speeds[one])[:, column] for one in (place, 0))
            ratio, low, high = np.exp(mean_interval(np.log(own / reference), 0.99))
            line += f"; {title} {np.median(own):.1f} tokens/s ×{ratio:.3f} ({low:.3f}–{high:.3f})"
        print(line, flush=True)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default="")
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.answer:
        answer(asked.folder, asked.threads, asked.answer)
        return
    print(json.dumps({**load_before(), **machine()}))
    names = [name for name in OPTIONS if not asked.only or name == "default" or name in asked.only.split(",")]
    race(asked.folder, asked.threads, asked.rounds, names)


if __name__ == "__main__":
    main()
