"""The figures of a run as one document, and that document as a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from engine.bench.statistics import DISPLAY_CONFIDENCE, bootstrap_mean, over_rounds, speedup
from engine.metrics.base import TokenScores
from tests.benchmarks.peers.candidates import Candidate
from tests.benchmarks.peers.measure import Timings

COLUMNS = (
    "", "tokens/s", "× best peer", "× best peer as exact", "share of bandwidth", "TTFT ms", "peak MiB", "weights MB",
    "KL (nats)", "top-1", "perplexity",
)  # fmt: skip
# A peer counts as being as exact as a candidate up to twice its KL divergence, or up to this many nats.
AS_EXACT_FACTOR, AS_EXACT_NATS = 2.0, 0.001


def rows(
    candidates: Sequence[Candidate],
    timings: Timings,
    scores: dict[str, tuple[TokenScores, float]],
    weight_bytes: dict[str, int],
    peaks: dict[str, int],
    versions: dict[str, dict[str, str]],
) -> list[dict[str, Any]]:
    """One document per candidate: the peers from the slowest to the quickest, then Hasten's likewise."""
    bandwidth = statistics.median(timings.bandwidth)
    found = []
    for candidate in candidates:
        name = candidate.name
        each, first = timings.following[name], timings.first[name]
        rate = over_rounds("decode_tokens_per_second", [1 / seconds for seconds in each], {})
        start = over_rounds("ttft_seconds", first, {})
        row: dict[str, Any] = {
            "name": name, "title": candidate.title, "ours": candidate.ours, "rounds": len(each),
            "tokens_per_second": _interval(rate.value, rate.low, rate.high),
            "ttft_seconds": _interval(start.value, start.low, start.high),
            "share_of_bandwidth": weight_bytes[name] * rate.value / bandwidth,
            "weight_bytes": weight_bytes[name], "disk_bytes": candidate.disk_bytes, "peak_rss_bytes": peaks[name],
            "idle_percent": timings.idle_percent[name], "versions": versions[name],
            "seconds_per_token": each, "first_seconds": first,
        }  # fmt: skip
        if name in scores:
            own, perplexity = scores[name]
            row["kl_nats"] = _interval(*bootstrap_mean(own.kl, own.blocks))
            row["top1"] = _interval(*bootstrap_mean(own.agree, own.blocks))
            row["perplexity"] = perplexity
        found.append(row)
    found.sort(key=lambda row: (row["ours"], row["tokens_per_second"]["value"]))
    peers = [row for row in found if not row["ours"]]
    for row in found:
        exact = [peer for peer in peers if _as_exact(peer, row)]
        row["against_best_peer"] = _against(row, peers)
        row["against_best_peer_as_exact"] = _against(row, exact)
        row["first_token_against_quickest_peer"] = _against(row, peers, "first_seconds")
    return found


def cells(row: dict[str, Any]) -> list[str]:
    """The row's entries under COLUMNS."""
    rate, first = row["tokens_per_second"], row["ttft_seconds"]
    return [
        f"{row['title']} ({row['name']})",
        f"{rate['value']:.1f} ({rate['low']:.1f}–{rate['high']:.1f})",
        _ratio(row["against_best_peer"]),
        _ratio(row["against_best_peer_as_exact"]),
        f"{row['share_of_bandwidth']:.0%}".replace("%", " %"),
        f"{1e3 * first['value']:.0f}",
        f"{row['peak_rss_bytes'] / 2**20:.0f}",
        f"{row['weight_bytes'] / 1e6:.1f}",
        f"{row['kl_nats']['value']:.4f}" if "kl_nats" in row else "–",
        f"{row['top1']['value']:.3f}" if "top1" in row else "–",
        f"{row['perplexity']:.2f}" if "perplexity" in row else "–",
    ]


def markdown(document: dict[str, Any]) -> str:
    """The document as docs/performance.md shows it."""
    conditions = document["conditions"]
    times = conditions["passage_times"]
    repeated = f" ({times} times the same passage)" if times > 1 else ""
    versions = dict(sorted({k: v for row in document["candidates"] for k, v in row["versions"].items()}.items()))
    lines = [
        f"{document['date']}, {conditions['cpu']}, {conditions['threads']} threads, {document['model']}: prompts "
        f"of {conditions['prompt_tokens']} tokens{repeated}, {conditions['new_tokens']} new ones, "
        f"{conditions['rounds']} interleaved rounds, 95 % intervals; quality over {document['predictions']} "
        f"predictions of {document['text']}. Memory was read at "
        f"{conditions['bandwidth_gb_per_second']:.1f} GB/s; other programs took "
        f"{conditions['others_percent']:.1f} % of the processors.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(cells(row)) + " |" for row in document["candidates"]),
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
    ]
    lines += [f"Not measured: {name}, because {reason}." for name, reason in document["skipped"].items()]
    return "\n".join(lines)


def _interval(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high, "confidence": DISPLAY_CONFIDENCE}


def _as_exact(peer: dict[str, Any], row: dict[str, Any]) -> bool:
    if "kl_nats" not in peer or "kl_nats" not in row:
        return False
    return bool(peer["kl_nats"]["value"] <= max(AS_EXACT_FACTOR * row["kl_nats"]["value"], AS_EXACT_NATS))


def _against(
    row: dict[str, Any], peers: list[dict[str, Any]], seconds: str = "seconds_per_token"
) -> dict[str, Any] | None:
    """How many times faster than the quickest other one of `peers`, from the same rounds; None without one."""
    others = [peer for peer in peers if peer is not row]
    if not others:
        return None
    best = min(others, key=lambda peer: statistics.median(peer[seconds]))
    ratio = speedup(best[seconds], row[seconds], DISPLAY_CONFIDENCE)
    return {"peer": best["name"], **_interval(ratio.value, ratio.low, ratio.high)}


def _ratio(found: dict[str, Any] | None) -> str:
    return "–" if found is None else f"{found['value']:.2f} ({found['low']:.2f}–{found['high']:.2f}) {found['peer']}"
