"""On a machine with an NVIDIA GPU: python -m pytest tests/gpu -m gpu"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.compare.table import Comparison
from engine.protocol.job import CompareJob, RunJob, SampleJob
from engine.recipe.recipe import Recipe, Target
from engine.runtimes.torch_compile import spec
from tests.helpers.jobs import Desk

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU"),
]


def built(sample: str, runtime: str, **options: Any) -> str:
    """The run that builds `sample` for `runtime` on CUDA."""
    recipe = Recipe(name=f"{runtime} on CUDA", target=Target(runtime=runtime, device="cuda", options=options))
    return str(Desk().run(RunJob(checkpoint=sample, recipe=recipe))["run"])


def test_sample_to_compiled_on_cuda_to_comparison_with_gpu_memory() -> None:
    assert "cuda" in spec.availability().devices
    sample = str(Desk().run(SampleJob())["path"])
    eager = built(sample, "transformers")
    compiled = built(sample, "torch_compile", precision="bfloat16", mode="reduce-overhead")
    job = CompareJob(candidates=(eager, compiled), rounds=5, prompt_tokens=128, new_tokens=64)
    comparison = Comparison.model_validate(Desk().run(job))
    for candidate in comparison.candidates:
        assert candidate.device == "cuda"
        peak, weights = candidate.measured("peak_gpu_bytes"), candidate.measured("weight_bytes")
        assert peak is not None
        assert weights is not None
        assert peak.value >= weights.value
    agreement = comparison.candidates[1].measured("top1_agreement")
    assert agreement is not None
    assert agreement.value > 0.9
    print(comparison.verdict_text)
