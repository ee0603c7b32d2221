"""A number that never travels without its unit, direction, sample count, spread and conditions."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Better = Literal["lower", "higher"]

# name -> (unit, which direction is better). The unit "1" marks a ratio or a bare number.
STANDARD: dict[str, tuple[str, Better]] = {
    "ttft_seconds": ("s", "lower"),
    "inter_token_latency_seconds": ("s", "lower"),
    "inter_token_p90_seconds": ("s", "lower"),
    "inter_token_p99_seconds": ("s", "lower"),
    "decode_tokens_per_second": ("1/s", "higher"),
    "acceptance_rate": ("1", "higher"),
    "prefill_tokens_per_second": ("1/s", "higher"),
    "requests_per_second": ("1/s", "higher"),
    "request_seconds": ("s", "lower"),
    "load_requests_per_second": ("1/s", "higher"),
    "load_response_p50_seconds": ("s", "lower"),
    "load_response_p90_seconds": ("s", "lower"),
    "load_response_p99_seconds": ("s", "lower"),
    "load_inter_token_latency_seconds": ("s", "lower"),
    "peak_rss_bytes": ("B", "lower"),
    "peak_gpu_bytes": ("B", "lower"),
    "weight_bytes": ("B", "lower"),
    "energy_joules_per_token": ("J", "lower"),
    "tokens_per_joule": ("1/J", "higher"),
    "cost_per_million_tokens": ("1", "lower"),
    "perplexity": ("1", "lower"),
    "kl_divergence_nats": ("nat", "lower"),
    "top1_agreement": ("1", "higher"),
    "top5_agreement": ("1", "higher"),
    "logit_error": ("1", "lower"),
    "shared_tokens": ("tokens", "higher"),
    "task_accuracy": ("1", "higher"),
    "bleu": ("1", "higher"),
    "rouge_1": ("1", "higher"),
    "rouge_2": ("1", "higher"),
    "rouge_l": ("1", "higher"),
    "word_error_rate": ("1", "lower"),
    "cosine_agreement": ("1", "higher"),
    "neighbours_kept": ("1", "higher"),
    "accuracy": ("1", "higher"),
    "f1": ("1", "higher"),
    "spearman": ("1", "higher"),
    "tag_accuracy": ("1", "higher"),
    "entity_f1": ("1", "higher"),
}


class Measurement(BaseModel):
    """One measured quantity.

    Attributes:
        name: a standard name (see STANDARD) or a metric's own.
        unit: SI-style unit text ("s", "1/s", "B", "1", "nat", "tokens").
        better: whether lower or higher values are better.
        value: the point estimate (a median over rounds for times, a mean otherwise).
        low, high: the confidence interval's bounds; equal to `value` for exact quantities.
        confidence: the interval's level, 0.95 unless said otherwise; 1.0 for exact quantities.
        samples: how many observations the estimate stands on.
        values: the per-round observations, in order, where they are few enough to travel.
        conditions: threads, batch, prompt and new tokens, clocks, versions, text: whatever makes it repeatable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    unit: str
    better: Better
    value: float
    low: float
    high: float
    confidence: float = 0.95
    samples: int
    values: tuple[float, ...] = ()
    conditions: dict[str, str | int | float | bool | None] = {}

    @classmethod
    def exact(cls, name: str, value: float, **conditions: str | int | float | bool | None) -> Measurement:
        """A quantity counted rather than sampled (bytes on disk, say)."""
        unit, better = STANDARD[name]
        return cls(
            name=name, unit=unit, better=better, value=value, low=value, high=value,
            confidence=1.0, samples=1, conditions=conditions,
        )  # fmt: skip
