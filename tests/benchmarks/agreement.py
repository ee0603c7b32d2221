"""Whether Hasten's figures are those of the programs that people trust, on the same model, in the same minutes.

    python -m tests.benchmarks.agreement [--only NAME,NAME] [--rounds N] [--genai-benchmark FOLDER] [--json FILE]

Speed: models that Hasten built are timed by Hasten (as `hasten compare` does) and by the benchmark program of the
runtime that they are for, in turn: the ratio of both should be 1 within 3 %. Perplexity: of the same text and
context by Hasten, lm-eval and llama-perplexity, within 1 % by each one's definition. docs/performance.md says more.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import platformdirs
import psutil

from engine.bench.conditions import OthersLoad, machine
from engine.bench.runner import orders
from engine.bench.texts import prompts_of
from engine.parallel.placement import physical_cores
from engine.text.tokenizer import load_tokenizer
from tests.benchmarks.decode import text_of, workshop_of
from tests.benchmarks.peers import programs
from tests.benchmarks.peers.candidates import Workshop
from tests.benchmarks.peers.environments import Environments, PeerUnavailable
from tests.benchmarks.peers.paired import paired_ratio
from tests.benchmarks.peers.perplexities import CONTEXT, perplexities
from tests.benchmarks.peers.processes import Process

SPEED_BAR, PERPLEXITY_BAR = 0.03, 0.01
# Hasten's recipe for each runtime, nothing guessed ahead, for their programs do not do so either
RECIPES = {"onnxruntime": "small-cpu-alone", "openvino": "small-openvino", "llamacpp": "small-llamacpp-alone"}


@dataclass
class Pair:
    """One model, timed by Hasten and by another program; seconds by round, Hasten's first."""

    runtime: str
    recipe: str
    ours: programs.Program
    program: programs.Program
    firsts: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))
    tokens: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    def measure(self, place: int, prompts: list[list[int]], new: int) -> None:
        """Let Hasten (0) or the program (1) measure, and keep what it says."""
        pace = (self.ours, self.program)[place].measure(prompts, new)
        self.firsts[place].append(pace.first)
        self.tokens[place].append(pace.token)

    def row(self) -> dict[str, Any]:
        """What was found: tokens a second and seconds to the first one, and Hasten's over the program's."""
        rate, first = paired_ratio(self.tokens[1], self.tokens[0]), paired_ratio(*self.firsts)
        return {
            "runtime": self.runtime, "recipe": self.recipe, "program": self.program.title,
            "tokens_per_second": [1 / statistics.median(own) for own in self.tokens],
            "ttft_seconds": [statistics.median(own) for own in self.firsts],
            "rate_ratio": asdict(rate), "ttft_ratio": asdict(first),
            "rounds": {"first_seconds": self.firsts, "token_seconds": self.tokens},
        }  # fmt: skip


def main() -> int:
    """Measure, print, and write what was asked for; 1 where something lies outside its bar."""
    asked = _arguments()
    document: dict[str, Any] = {"benchmark": "agreement", "date": datetime.date.today().isoformat(), "skipped": {}}
    document["conditions"] = {
        **machine(), "threads": asked.threads, "prompt_tokens": asked.prompt, "new_tokens": asked.new,
        "rounds": asked.rounds, "answers_a_round": programs.ANSWERS,
    }  # fmt: skip
    try:
        workshop = workshop_of(asked, Environments(asked.cache))
        text = text_of(asked)
        with tempfile.TemporaryDirectory(dir=asked.cache) as room:
            if asked.rounds:
                document |= _speeds(workshop, text, asked, Path(room), document["skipped"])
            if asked.windows:
                found = perplexities(workshop, text, asked.windows, Path(room), document["skipped"])
                document["perplexity"] = [asdict(one) for one in found]
    except PeerUnavailable as error:
        print(f"The benchmark cannot be set up: {error}.", file=sys.stderr)
        return 2
    if asked.json:
        asked.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(_markdown(document))
    return int(not all(_agrees(document)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(RECIPES), help="runtimes, separated by commas")
    parser.add_argument("--rounds", type=int, default=15, help="of timing; 0 leaves the speed out")
    parser.add_argument("--windows", type=int, default=32, help=f"of {CONTEXT} tokens; 0 leaves perplexity out")
    parser.add_argument("--prompt", type=int, default=128, help="tokens of a prompt")
    parser.add_argument("--new", type=int, default=64, help="new tokens of an answer")
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--text", type=Path, help="without it WikiText-2's test part")
    parser.add_argument("--checkpoint", type=Path, help="a float32 checkpoint folder; without it the sample model")
    parser.add_argument("--genai-benchmark", type=Path, help="benchmark/python of onnxruntime-genai's repository")
    parser.add_argument("--json", type=Path, help="write the whole result here")
    cache = Path(platformdirs.user_cache_dir("hasten-benchmarks", appauthor=False))
    parser.add_argument("--cache", type=Path, default=cache, help="where environments and models are kept")
    asked = parser.parse_args()
    asked.gguf = None
    if asked.rounds == 1 or asked.new < 2 or asked.prompt < 2:
        parser.error("rounds (or none), prompt and new must be at least 2")
    return asked


def _speeds(workshop: Workshop, text: str, asked: argparse.Namespace, room: Path, skipped: dict[str, str]) -> Any:
    """The rows of all models that can be compared, and what other programs used of the processors meanwhile."""
    prompts = prompts_of(load_tokenizer(workshop.original), text, asked.prompt, asked.rounds * programs.ANSWERS)
    pairs = []
    for runtime in asked.only.split(","):
        try:
            pair = _pair(workshop, runtime, asked, room)
            pair.program.measure([prompts[0].tolist()], asked.new)  # what cannot run at all is told now
            pairs.append(pair)
        except PeerUnavailable as error:
            skipped[runtime] = str(error)
    load, ended, began = OthersLoad(), _ended_seconds(), time.perf_counter()
    for index, order in enumerate(orders(asked.rounds, 2 * len(pairs))):
        own = [ids.tolist() for ids in prompts[index * programs.ANSWERS : (index + 1) * programs.ANSWERS]]
        for place in order:
            pair = pairs[place // 2]
            print(f"Round {index + 1}: {pair.runtime}, {('ours', 'theirs')[place % 2]}", file=sys.stderr)
            pair.measure(place % 2, own, asked.new)
    others = load.percent() - 100 * (_ended_seconds() - ended) / (time.perf_counter() - began) / psutil.cpu_count()
    return {"speed": [pair.row() for pair in pairs], "others_percent": max(0.0, others)}


def _ended_seconds() -> float:
    """Processor seconds of programs that were started here and have ended: `OthersLoad` counts them as others'."""
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def _pair(workshop: Workshop, runtime: str, asked: argparse.Namespace, room: Path) -> Pair:
    recipe, logs = RECIPES[runtime], workshop.environments.cache / "logs"
    model = workshop.built(recipe, workshop.choice(recipe))

    def afresh(title: str, name: str, command: tuple[str, ...], variables: dict[str, str]) -> programs.Program:
        return programs.Afresh(title, lambda: Process(name, command, logs / f"run-{name}.log", variables))

    program: programs.Program
    if runtime == "onnxruntime":
        program = programs.GenaiScript(workshop.environments, asked.genai_benchmark, model, asked.threads, room)
    elif runtime == "llamacpp":
        program = programs.LlamaBench(workshop.environments, model, asked.threads)
    else:
        command = programs.openvino_command(workshop.environments, model, asked.threads)
        program = afresh("OpenVINO GenAI's PerfMetrics", "openvino-metrics", command, {})
    return Pair(runtime, recipe, afresh("Hasten", recipe, *workshop.hasten_command("run_rounds", model)), program)


def _agrees(document: dict[str, Any]) -> Iterator[bool]:
    """Whether each figure lies within its bar."""
    for row in document.get("speed", ()):
        for ratio in (row["rate_ratio"], row["ttft_ratio"]):
            yield abs(ratio["value"] - 1) <= SPEED_BAR
    for row in document.get("perplexity", ()):
        yield abs(row["ours"] / row["theirs"] - 1) <= PERPLEXITY_BAR


def _markdown(document: dict[str, Any]) -> str:
    """The tables of docs/performance.md."""
    conditions, lines = document["conditions"], []
    if document.get("speed"):
        lines += [
            f"{document['date']}, {conditions['cpu']}, {conditions['threads']} threads: prompts of "
            f"{conditions['prompt_tokens']} tokens, {conditions['new_tokens']} new ones, {conditions['rounds']} "
            f"interleaved rounds of {conditions['answers_a_round']} answers, ratios with 95 % intervals. Other "
            f"programs took {document['others_percent']:.1f} % of the processors.",
            "",
            "| model | measured by | tokens/s, Hasten and it | ratio | TTFT ms, Hasten and it | ratio |",
            "|---|---|---|---|---|---|",
        ]
    for row in document.get("speed", ()):
        rates = " and ".join(f"{rate:.1f}" for rate in row["tokens_per_second"])
        firsts = " and ".join(f"{1000 * first:.1f}" for first in row["ttft_seconds"])
        lines.append(
            f"| {row['recipe']} | {row['program']} | {rates} | {_ratio(row['rate_ratio'])} | {firsts} | "
            f"{_ratio(row['ttft_ratio'])} |"
        )
    if document.get("perplexity"):
        lines += ["", "| perplexity as defined by | model | predictions | Hasten | the program | ratio |",
                  "|---|---|---|---|---|---|"]  # fmt: skip
    for row in document.get("perplexity", ()):
        lines.append(
            f"| {row['program']}: {row['how']} | {row['model']} | {row['predictions']} | {row['ours']:.3f} | "
            f"{row['theirs']:.3f} | {row['ours'] / row['theirs']:.4f} |"
        )
    lines += [f"Not measured: {name}, because {reason}." for name, reason in document["skipped"].items()]
    return "\n".join(lines)


def _ratio(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})"


if __name__ == "__main__":
    raise SystemExit(main())
