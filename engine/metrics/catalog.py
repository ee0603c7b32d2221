"""All metrics, in the order in which tables show them. ADD A METRIC: one folder, one line here."""

from __future__ import annotations

from functools import cache

from engine.catalogue import resolve
from engine.metrics.base import MetricSpec
from engine.protocol.errors import UserError

ENTRIES: tuple[str, ...] = (
    "engine.metrics.decode_tokens_per_second.spec:SPEC",
    "engine.metrics.inter_token_latency_seconds.spec:SPEC",
    "engine.metrics.inter_token_p90_seconds.spec:SPEC",
    "engine.metrics.inter_token_p99_seconds.spec:SPEC",
    "engine.metrics.ttft_seconds.spec:SPEC",
    "engine.metrics.acceptance_rate.spec:SPEC",
    "engine.metrics.prefill_tokens_per_second.spec:SPEC",
    "engine.metrics.request_seconds.spec:SPEC",
    "engine.metrics.requests_per_second.spec:SPEC",
    "engine.metrics.load_requests_per_second.spec:SPEC",
    "engine.metrics.load_response_p50_seconds.spec:SPEC",
    "engine.metrics.load_response_p90_seconds.spec:SPEC",
    "engine.metrics.load_response_p99_seconds.spec:SPEC",
    "engine.metrics.load_inter_token_latency_seconds.spec:SPEC",
    "engine.metrics.peak_rss_bytes.spec:SPEC",
    "engine.metrics.peak_gpu_bytes.spec:SPEC",
    "engine.metrics.weight_bytes.spec:SPEC",
    "engine.metrics.energy_joules_per_token.spec:SPEC",
    "engine.metrics.tokens_per_joule.spec:SPEC",
    "engine.metrics.cost_per_million_tokens.spec:SPEC",
    "engine.metrics.perplexity.spec:SPEC",
    "engine.metrics.kl_divergence_nats.spec:SPEC",
    "engine.metrics.top1_agreement.spec:SPEC",
    "engine.metrics.top5_agreement.spec:SPEC",
    "engine.metrics.logit_error.spec:SPEC",
    "engine.metrics.shared_tokens.spec:SPEC",
    "engine.metrics.task_accuracy.spec:SPEC",
    "engine.metrics.bleu.spec:SPEC",
    "engine.metrics.rouge_1.spec:SPEC",
    "engine.metrics.rouge_2.spec:SPEC",
    "engine.metrics.rouge_l.spec:SPEC",
    "engine.metrics.word_error_rate.spec:SPEC",
    "engine.metrics.cosine_agreement.spec:SPEC",
    "engine.metrics.neighbours_kept.spec:SPEC",
    "engine.metrics.spearman.spec:SPEC",
    "engine.metrics.accuracy.spec:SPEC",
    "engine.metrics.f1.spec:SPEC",
    "engine.metrics.tag_accuracy.spec:SPEC",
    "engine.metrics.entity_f1.spec:SPEC",
)


@cache
def all_metrics() -> dict[str, MetricSpec]:
    """Every metric by name."""
    specs = [resolve(entry, MetricSpec) for entry in ENTRIES]
    return {spec.name: spec for spec in specs}


def get(name: str) -> MetricSpec:
    """The metric called `name`. Raises UserError listing the known ones."""
    try:
        return all_metrics()[name]
    except KeyError:
        raise UserError(
            f"There is no metric “{name}”.", f"Use one of: {', '.join(all_metrics())}.", where=name, code="not_found"
        ) from None
