"""What the presets for the CPU gain over Transformers eager on the sample model, and what they cost in quality.

Run it by hand on a quiet machine: python -m pytest tests/benchmarks/decode_vs_eager.py -m benchmark -s
The preset small-cpu must decode at least 5 times faster with perplexity within 2 %. A session must add at most 2 % to
the time of the same ONNX Runtime calls made directly.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest

from engine.bench.quality import score_text
from engine.bench.runner import time_answers
from engine.bench.statistics import mean_interval, speedup
from engine.bench.texts import prompts_of, read_text, windows
from engine.parallel.placement import suggested_threads
from engine.runtimes.base import Session
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer
from tests.helpers.onnx_runtime import build_preset

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

ROUNDS, PROMPT, NEW = 7, 128, 64
BUDGETS = {"small-cpu": (5.0, 0.02), "exact-cpu": (1.5, 0.0005)}


@pytest.mark.parametrize("preset", BUDGETS)
def test_decode_against_eager(preset: str, sample: Path, tmp_path: Path) -> None:
    least, loss = BUDGETS[preset]
    folder = build_preset(sample, preset, tmp_path)
    threads = suggested_threads()
    eager, built = open_session(sample, threads=threads), open_session(folder, threads=threads)
    tokenizer = load_tokenizer(sample)
    text, _ = read_text(None)
    prompts = prompts_of(tokenizer, text, PROMPT, ROUNDS)
    reference, candidate = time_answers([eager, built], [prompts, prompts], NEW, lambda: None)
    decode = speedup([r.decode_seconds for r in reference], [r.decode_seconds for r in candidate])
    prefill = speedup([r.first_seconds for r in reference], [r.first_seconds for r in candidate])
    scores = score_text([eager, built], windows(tokenizer, text, eager.context_length), lambda done, total: None)
    before, after = (math.exp(float(np.mean(score.nll))) for score in scores)
    rates = [(NEW - 1) / float(np.median([r.decode_seconds for r in rounds])) for rounds in (reference, candidate)]
    print(
        f"\n{preset}, {threads} threads, {ROUNDS} interleaved rounds of {PROMPT} + {NEW} tokens:"
        f"\n  decode {rates[0]:.1f} -> {rates[1]:.1f} tokens/s, {decode.value:.2f} times [{decode.low:.2f}, "
        f"{decode.high:.2f}] at {decode.confidence:.0%}"
        f"\n  first token {prefill.value:.2f} times [{prefill.low:.2f}, {prefill.high:.2f}]"
        f"\n  perplexity {before:.3f} -> {after:.3f} ({after / before - 1:+.2%}), "
        f"KL {float(np.mean(scores[1].kl)):.4f} nats, top-1 {float(np.mean(scores[1].agree)):.3f}"
        f"\n  weights {eager.weight_bytes / 1e6:.0f} -> {built.weight_bytes / 1e6:.0f} MB"
    )
    eager.close()
    built.close()
    assert decode.low > least
    assert after / before - 1 < loss


def test_session_adds_little(sample: Path, tmp_path: Path) -> None:
    session = open_session(build_preset(sample, "small-cpu", tmp_path), threads=suggested_threads())
    direct = _Direct(session)
    ratios = []
    for index in range(21):
        order = (direct.seconds, lambda: _decode_seconds(session))
        took = [run() for run in (order if index % 2 else order[::-1])]
        ratios.append(math.log(took[1] / took[0]) * (1 if index % 2 else -1))
    mean, low, high = mean_interval(ratios, 0.95)
    print(f"\nsession / direct: {math.exp(mean):.4f} [{math.exp(low):.4f}, {math.exp(high):.4f}]")
    session.close()
    assert math.exp(mean) < 1.02


def _decode_seconds(session: Session) -> float:
    session.prefill(np.full((1, PROMPT), 7, np.int64))
    token = np.array([9], np.int64)
    began = time.perf_counter()
    for _ in range(NEW):
        session.decode(token)
    return time.perf_counter() - began


class _Direct:
    """The same graph and thread pool called with everything bound beforehand, as little as a caller can do."""

    def __init__(self, session: Session) -> None:
        import onnxruntime as ort

        self._session = session.graph
        self._steps = []
        buffers = {}
        for value in self._session.get_inputs():
            if value.name.startswith("past_key_values."):
                heads, width = session._cache._widths[value.name]
                array = np.zeros((1, heads, PROMPT + 256, width), np.float32)
                buffers[value.name] = ort.OrtValue.ortvalue_from_numpy(array, "cpu")
        self._kept = [np.full((1, PROMPT), 7, np.int64), np.array([[9]], np.int64)]
        vocabulary = session._vocabulary
        for step in range(NEW + 1):
            binding = self._session.io_binding()
            ids = self._kept[min(step, 1)]
            mask = np.ones((1, PROMPT + step), np.int64)
            logits = np.empty((1, ids.shape[1], vocabulary), np.float32)
            self._kept += [mask, logits]
            binding.bind_cpu_input("input_ids", ids)
            binding.bind_cpu_input("attention_mask", mask)
            binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
            for name, buffer in buffers.items():
                binding.bind_ortvalue_input(name, buffer)
                binding.bind_ortvalue_output(name.replace("past_key_values.", "present."), buffer)
            self._steps.append(binding)

    def seconds(self) -> float:
        self._session.run_with_iobinding(self._steps[0])
        began = time.perf_counter()
        for binding in self._steps[1:]:
            self._session.run_with_iobinding(binding)
        return time.perf_counter() - began
