"""The runtimes' own benchmark programs, on models that Hasten built: how each is called, and what it says."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.runtimes.llamacpp.limits import CACHE_TYPES, MODEL, attention_for
from tests.benchmarks.peers.environments import HERE, Environments, PeerUnavailable
from tests.benchmarks.peers.processes import Process

ANSWERS = 2  # of one call, means taken by the program itself


@dataclass(frozen=True)
class Pace:
    """Seconds to the first token, and a token after it."""

    first: float
    token: float


class Program(Protocol):
    """A benchmark program for one model.

    Attributes:
        title: its name in tables.
    """

    title: str

    def measure(self, prompts: Sequence[list[int]], new: int) -> Pace:
        """Read a prompt and write `new` tokens, several times. Raises PeerUnavailable when it ends with an error."""


class GenaiScript:
    """onnxruntime-genai's benchmark_e2e.py, from folder benchmark/python of its repository; prompts are its own."""

    title = "onnxruntime-genai's benchmark_e2e.py"

    def __init__(self, environments: Environments, scripts: Path | None, model: Path, threads: int, room: Path) -> None:
        """`room` is a folder for a copy of `model` whose settings name the threads."""
        if scripts is None or not (scripts / "benchmark_e2e.py").is_file():
            raise PeerUnavailable(
                "its script does not come with the package (--genai-benchmark names the folder benchmark/python of its "
                "repository)"
            )
        self._environments, self._scripts, self._room = environments, scripts, room
        self._python = environments.python("genai-benchmark")
        self._model = room / "genai"
        shutil.copytree(model, self._model, copy_function=os.link)
        settings = self._model / "genai_config.json"
        document = json.loads(settings.read_text(encoding="utf-8"))
        document["model"]["decoder"].setdefault("session_options", {})["intra_op_num_threads"] = threads
        settings.unlink()
        settings.write_text(json.dumps(document), encoding="utf-8")

    def measure(self, prompts: Sequence[list[int]], new: int) -> Pace:
        """See Program. Greedy (one token to choose from), after one answer to warm up."""
        out = self._room / "genai.csv"
        # what it calls the length of generation does not count the token that the prompt's reading gives
        command = [str(self._python), str(self._scripts / "benchmark_e2e.py"), "-i", str(self._model), "-l",
                   str(len(prompts[0])), "-g", str(new), "-r", str(ANSWERS), "-w", "1", "-k", "1", "-o", str(out),
                   "--use_random_tokens", "--chat_template", "{input}"]  # fmt: skip
        self._environments.call(command, "genai-benchmark", nice=0, where=self._scripts)
        found = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))[0]["metrics"]
        return Pace(found["time_to_first_token_ms"] / 1000, found["token_generation_latency_ms"] / 1000)


class LlamaBench:
    """llama-bench: a prompt read into an empty context, and tokens written behind one; both of random tokens."""

    title = "llama-bench"

    def __init__(self, environments: Environments, model: Path, threads: int) -> None:
        self._environments = environments
        target = json.loads((model / "hasten.json").read_text(encoding="utf-8"))["target"]["options"]
        cache, attention = target.get("kv_cache", "f16"), target.get("attention", "automatic")
        assert cache in CACHE_TYPES
        flash = {-1: "auto", 0: "0", 1: "1"}[attention_for(cache, attention)]
        self._command = [
            str(environments.llamacpp_tools() / "llama-bench"), "-m", str(model / MODEL), "-t", str(threads), "-r",
            str(ANSWERS), "-b", "512", "-ub", "512", "-ngl", "0", "-ctk", cache, "-ctv", cache, "-fa", flash,
            "-o", "json",
        ]  # fmt: skip

    def measure(self, prompts: Sequence[list[int]], new: int) -> Pace:
        """See Program."""
        length = len(prompts[0])
        first = self._seconds("-p", str(length), "-n", "0")
        return Pace(first, self._seconds("-p", "0", "-n", str(new - 1), "-d", str(length)) / (new - 1))

    def _seconds(self, *shape: str) -> float:
        said = self._environments.call([*self._command, *shape], "llama-bench", nice=0)
        return float(json.loads(said)[0]["avg_ns"]) / 1e9


class Afresh:
    """A process of ours that is started for every measurement, as the programs above are: where a model's weights come
    to lie in memory changes its speed by some percent for as long as its process is open."""

    def __init__(self, title: str, start: Callable[[], Process]) -> None:
        self.title, self._start = title, start

    def measure(self, prompts: Sequence[list[int]], new: int) -> Pace:
        """See Program."""
        process = self._start()
        try:
            return Pace(**process.ask("benchmark", prompts=list(prompts), new=new))
        finally:
            process.close()


def openvino_command(environments: Environments, model: Path, threads: int) -> tuple[str, ...]:
    """What starts the process that reads OpenVINO GenAI's PerfMetrics, which its sample benchmark_genai prints."""
    given = json.dumps({"folder": str(model), "threads": threads})
    return (str(environments.python("openvino-metrics")), str(HERE / "run_openvino_metrics.py"), given)


def lm_eval_nats(environments: Environments, checkpoint: Path, text: Path, context: int, room: Path) -> float:
    """−ln p of the whole `text` by lm-eval's rolling log-likelihood on `checkpoint` in float32, nats."""
    python = environments.python("lm-eval")
    tasks, out = room / "tasks", room / "lm-eval"
    tasks.mkdir()
    (tasks / "text.jsonl").write_text(json.dumps({"page": text.read_text(encoding="utf-8")}) + "\n", encoding="utf-8")
    task = {
        "task": "one_text", "dataset_path": "json", "output_type": "loglikelihood_rolling", "test_split": "test",
        "dataset_kwargs": {"data_files": {"test": str(tasks / "text.jsonl")}}, "doc_to_text": "",
        "doc_to_target": "{{page}}", "metric_list": [{"metric": "byte_perplexity"}],
    }  # fmt: skip
    (tasks / "one_text.yaml").write_text(json.dumps(task), encoding="utf-8")  # JSON is YAML
    command = [str(python), "-m", "lm_eval", "run", "--model", "hf", "--model_args",
               f"pretrained={checkpoint},dtype=float32,max_length={context}", "--tasks", "one_text", "--include_path",
               str(tasks), "--device", "cpu", "--batch_size", "1", "--output_path", str(out)]  # fmt: skip
    environments.call(command, "lm-eval", HF_DATASETS_OFFLINE="1", HF_DATASETS_CACHE=str(room / "datasets"))
    results = json.loads(next(out.rglob("results_*.json")).read_text(encoding="utf-8"))["results"]["one_text"]
    return math.log(results["byte_perplexity,none"]) * len(text.read_bytes())


def llama_perplexity(
    environments: Environments, model: Path, text: Path, context: int, windows: int, threads: int, room: Path
) -> float:
    """What llama-perplexity says of the first `windows` windows of `text`, of `context` tokens each."""
    command = [str(environments.llamacpp_tools() / "llama-perplexity"), "-m", str(model / MODEL), "-f", str(text),
               "-c", str(context), "-b", str(context), "--chunks", str(windows), "-t", str(threads)]  # fmt: skip
    said = room / "llama-perplexity.txt"
    environments.call([*command, "--log-file", str(said)], "llama-perplexity")
    found = re.findall(r"Final estimate: PPL = ([0-9.]+)", said.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise PeerUnavailable("llama-perplexity gave no estimate")
    return float(found[-1])
