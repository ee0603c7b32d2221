"""OpenVINO GenAI's LLMPipeline over a folder that Hasten built, timed by OpenVINO GenAI itself: its PerfMetrics.

The settings are those that the folder's own generate.py passes on.
"""

from __future__ import annotations

import statistics

import numpy as np
import openvino as ov
import openvino_genai as genai
from child import serve


class OpenvinoMetrics:
    """The model in `folder` on `threads` threads."""

    packages = ("openvino", "openvino-genai")
    weight_bytes = None

    def __init__(self, folder: str, threads: int) -> None:
        graph = ov.Core().read_model(f"{folder}/openvino_model.xml")
        precision = graph.get_rt_info(["runtime_options", "INFERENCE_PRECISION_HINT"]).astype(str)
        self._pipeline = genai.LLMPipeline(
            folder, "CPU", ATTENTION_BACKEND="SDPA", INFERENCE_PRECISION_HINT=precision,
            INFERENCE_NUM_THREADS=threads, PERFORMANCE_HINT="LATENCY",
        )  # fmt: skip

    def benchmark(self, prompts: list[list[int]], new: int) -> dict[str, float]:
        """Seconds to the first token, and a token after it, means over `prompts`, after an answer to warm up."""
        config = genai.GenerationConfig(max_new_tokens=new, ignore_eos=True, do_sample=False, apply_chat_template=False)
        found = []
        for prompt in (prompts[0], *prompts):
            metrics = self._pipeline.generate(ov.Tensor(np.asarray([prompt], np.int64)), config).perf_metrics
            if metrics.get_num_generated_tokens() != new:
                raise RuntimeError(f"it made {metrics.get_num_generated_tokens()} tokens instead of {new}")
            found.append((metrics.get_ttft().mean / 1000, metrics.get_tpot().mean / 1000))
        firsts, tokens = zip(*found[1:], strict=True)
        return {"first": statistics.fmean(firsts), "token": statistics.fmean(tokens)}


if __name__ == "__main__":
    serve(OpenvinoMetrics)
