"""How much a Session adds to the decode time of the same runtime called directly; the budget is 2 %.

    python -m tests.benchmarks.session_overhead MODEL [--threads N] [--rounds N] [--tokens N]

MODEL is a checkpoint (Transformers called directly) or a decoder's artefact for ONNX Runtime that does not guess ahead.
Both decode the same tokens after the same prompt with the same open model, in turns (A B B A …), so that drift of the
machine hits both. What is printed is the ratio session / direct with its 95 % interval over rounds. Timings taken
while anything else runs are worthless: the load before the run is printed too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.bench.conditions import load_before, machine
from engine.bench.statistics import mean_interval
from engine.runtimes.base import Ids, Session
from engine.runtimes.onnx_runtime.session import DecoderSession
from engine.runtimes.open import open_session
from engine.runtimes.transformers_eager.session import EagerSession

BUDGET = 1.02


def direct(session: EagerSession, prompt: Ids, tokens: int) -> float:
    """Seconds a token when Transformers is called with nothing between: greedy, its own cache."""
    model = session.model
    with torch.inference_mode():
        output = model(input_ids=torch.from_numpy(prompt[None]), use_cache=True, logits_to_keep=1)
        cache, step = output.past_key_values, output.logits[:, -1].argmax(-1, keepdim=True)
        began = time.perf_counter()
        for _ in range(tokens):
            output = model(input_ids=step, past_key_values=cache, use_cache=True, logits_to_keep=1)
            step = output.logits[:, -1].argmax(-1, keepdim=True)
            int(step)  # a caller needs to know the token, to stop and to show it
        return (time.perf_counter() - began) / tokens


def direct_onnx(session: DecoderSession, prompt: Ids, tokens: int) -> float:
    """Seconds a token when ONNX Runtime is called with nothing between: greedy, every buffer bound."""
    step = session.prefill(prompt[None]).argmax(-1)[:, None]
    inference, binding, cache = session.graph, session.graph.io_binding(), session._cache
    cache.reserve(tokens)
    cache.bind(binding)
    logits = np.empty((1, 1, session._vocabulary), np.float32)
    binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
    began = time.perf_counter()
    for _ in range(tokens):
        binding.bind_cpu_input("input_ids", step)
        for name, array in cache.feeds(1).items():
            binding.bind_cpu_input(name, array)
        inference.run_with_iobinding(binding)
        cache.length += 1
        step = logits[:, -1].argmax(-1)[:, None]
    return (time.perf_counter() - began) / tokens


def through_session(session: Session, prompt: Ids, tokens: int) -> float:
    """Seconds a token through Session.generate, which also converts, picks and times each token."""
    stream = session.generate(prompt, tokens + 1, stop_at_eos=False)
    next(stream)
    began = time.perf_counter()
    made = sum(1 for _ in stream)
    assert made == tokens
    return (time.perf_counter() - began) / tokens


def main() -> None:
    """Measure and print one JSON document; exit code 1 where the budget is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=48)
    asked = parser.parse_args()
    load = load_before()
    session = open_session(asked.checkpoint, threads=asked.threads)
    assert isinstance(session, (EagerSession, DecoderSession)), "a model that guesses ahead has no direct call"
    prompt = np.arange(4, 68, dtype=np.int64)
    kinds: dict[str, Callable[[Any, Ids, int], float]] = {
        "direct": direct if isinstance(session, EagerSession) else direct_onnx,
        "session": through_session,
    }
    for run in kinds.values():
        run(session, prompt, 8)
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for index in range(asked.rounds):
        for name in list(kinds) if index % 2 else list(kinds)[::-1]:
            seconds[name].append(kinds[name](session, prompt, asked.tokens))
    logs = np.log(np.array(seconds["session"]) / np.array(seconds["direct"]))
    ratio, low, high = (float(np.exp(bound)) for bound in mean_interval(logs, 0.95))
    print(
        json.dumps(
            {
                "benchmark": "session_overhead",
                "ratio": round(ratio, 4), "low": round(low, 4), "high": round(high, 4), "confidence": 0.95,
                "rounds": asked.rounds, "budget": BUDGET, "kept": ratio <= BUDGET,
                "direct_ms_per_token": round(float(np.median(seconds["direct"])) * 1e3, 3),
                "session_ms_per_token": round(float(np.median(seconds["session"])) * 1e3, 3),
                "threads": torch.get_num_threads(), "tokens": asked.tokens, **load, **machine(),
            },
            indent=1,
        )
    )  # fmt: skip
    raise SystemExit(0 if ratio <= BUDGET else 1)


if __name__ == "__main__":
    main()
