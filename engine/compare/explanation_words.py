"""An explanation in words and numbers as people read them: for the command line and the report."""

from __future__ import annotations

import math

from engine.compare.explanation import Change, Explanation, Step
from engine.compare.format import format_bytes, format_number, format_percent, format_seconds


def sentences(found: Explanation) -> list[str]:
    """The answer: the step that costs most, then the layer."""
    told = []
    step, layer = found.worst_step, found.worst_layer
    if step is None:
        told.append("No step moved the model away from its original.")
    else:
        lost, whole = format_number(step.loss.value), format_number(found.loss)
        told.append(f"“{step.title}” costs most: {lost} of {whole} {unit(found)}.")
    if layer is not None and layer.won_back is not None:
        won, whole = format_number(layer.won_back.value), format_number(found.layers_loss or 0.0)
        told.append(f"{layer.title} matters most: restoring it alone wins back {won} of {whole} {unit(found)}.")
    return told


def step_table(found: Explanation) -> tuple[list[str], list[list[str]]]:
    """Column titles, and a row for the original, for every step and for all of them."""
    timed, likely = found.seconds is not None, found.perplexity is not None
    heads = [
        "Step",
        "Weights",
        f"Lost, {unit(found)}",
        *(["Perplexity"] if likely else []),
        *(["Time"] if timed else []),
    ]
    first = ["Original", format_bytes(found.weight_bytes), ""]
    first += [f"{found.perplexity:.2f}"] if found.perplexity is not None else []
    first += [format_seconds(found.seconds)] if found.seconds is not None else []
    rows = [first]
    for step in found.steps:
        row = [step_title(step), signed_bytes(step.weight_bytes), change(step.loss)]
        row += [percent(step.perplexity.value) if step.perplexity else "–"] if likely else []
        row += [signed_seconds(step.seconds.value) if step.seconds else "–"] if timed else []
        rows.append(row)
    last = ["All steps", signed_bytes(sum(step.weight_bytes for step in found.steps)), signed(found.loss)]
    last += [percent(sum(step.perplexity.value for step in found.steps if step.perplexity))] if likely else []
    last += [signed_seconds(sum(step.seconds.value for step in found.steps if step.seconds))] if timed else []
    return heads, [*rows, last]


def layer_table(found: Explanation) -> tuple[list[str], list[list[str]]]:
    """Column titles, and a row for every layer, the one that matters most first; dropped ones that could not be put
    back at the end."""
    heads = ["Layer", "Own error", "Accumulated", f"Won back, {unit(found)}"]
    rest = [layer for layer in found.layers if layer.won_back is None]
    rows = [
        [
            layer.title,
            {"dropped": "dropped", "same": "unchanged"}.get(layer.state, _share(layer.own_error)),
            _share(layer.accumulated_error),
            change(layer.won_back) if layer.won_back else "–",
        ]
        for layer in (*found.ranking, *rest)
    ]
    return heads, rows


def step_title(step: Step) -> str:
    """A step with its options in short: "Quantize (int4 / 32)"."""
    return f"{step.title} ({step.detail})" if step.detail else step.title


def unit(found: Explanation) -> str:
    """What the distance from the original is measured in."""
    return "nats" if found.measure == "kl_divergence_nats" else "1 − cosine"


def change(one: Change) -> str:
    """A change with its sign and half of its interval: "+0.0041 ± 0.0003"."""
    half = max(one.high - one.value, one.value - one.low)
    return f"{signed(one.value)} ± {_plain(half, 2)}" if half > 0 else signed(one.value)


def signed(value: float) -> str:
    """A change with its sign: "+0.0041"."""
    return f"+{_plain(value)}" if value > 0 else _plain(value)


def signed_bytes(count: float) -> str:
    """A change of size with its sign: "−384 MiB"."""
    return f"{_sign(count)}{format_bytes(abs(count))}"


def signed_seconds(seconds: float) -> str:
    """A change of time with its sign: "−3.1 ms"."""
    return f"{_sign(seconds)}{format_seconds(abs(seconds))}"


def percent(share: float) -> str:
    """A change of a share with its sign: "+0.89 %"."""
    return format_percent(share, sign=True)


def _share(error: float | None) -> str:
    return "–" if error is None else format_percent(error)


def _plain(value: float, digits: int = 3) -> str:
    """A number without an exponent where that is readable: "0.00003"."""
    if 1e-7 <= abs(value) < 1e-4:
        return f"{value:.{-math.floor(math.log10(abs(value)))}f}".replace("-", "−")
    return format_number(value, digits)


def _sign(value: float) -> str:
    return "+" if value > 0 else "−" if value < 0 else "±"
